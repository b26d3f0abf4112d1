// The socket that brings moving people: the newest frame wins, and each drawn frame is acknowledged.
import {readFrame} from './frames';
import type {Frame} from './frames';
import {LastingSocket} from './socket';
import type {Playhead} from './types';

export class Stream {
  bytes = 0;
  frames = 0;
  private socket: LastingSocket;
  private waiting: ArrayBuffer | null = null;

  constructor(url: string, private playhead: Playhead | undefined, private onFrame: (frame: Frame) => void) {
    this.socket = new LastingSocket(url, {
      open: () => this.control(this.playhead), message: (data) => this.receive(data as ArrayBuffer)});
  }

  control(playhead: Playhead | undefined): void {
    this.playhead = playhead;
    if (playhead) this.socket.send(JSON.stringify(playhead));
  }

  close(): void {
    this.socket.close();
  }

  private receive(data: ArrayBuffer): void {
    this.bytes += data.byteLength;
    const drawing = this.waiting !== null;
    this.waiting = data;
    if (drawing) return;
    requestAnimationFrame(() => {
      const newest = this.waiting;
      this.waiting = null;
      if (!newest || this.socket.gone) return;
      this.frames++;
      this.onFrame(readFrame(newest));
      this.socket.send('ack');
    });
  }
}

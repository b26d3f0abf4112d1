// The socket of live positions: the newest frame wins on the server, and each drawn frame is acknowledged.
import {readLiveFrame} from './live_frames';
import type {LiveFrame} from './live_frames';
import {LastingSocket} from './socket';

export interface LiveTold {
  names?: Record<string, string>;
  stale_s?: number;
  refused?: string; // why
}

export class LiveStream {
  bytes = 0;
  frames = 0;
  private socket: LastingSocket;

  constructor(url: string, private moment: number | null, private on: {
    frame: (frame: LiveFrame) => void; told: (what: LiveTold) => void; lost: (again: boolean) => void}) {
    this.socket = new LastingSocket(url, {
      open: () => this.show(this.moment), message: (data) => this.receive(data), lost: on.lost});
  }

  /** Show another moment, epoch seconds; null for now. */
  show(moment: number | null): void {
    this.moment = moment;
    this.socket.send(JSON.stringify({at: moment}));
  }

  close(): void {
    this.socket.close();
  }

  private receive(data: ArrayBuffer | string): void {
    if (typeof data === 'string') {
      this.on.told(JSON.parse(data));
      return;
    }
    this.bytes += data.byteLength;
    requestAnimationFrame(() => {
      if (this.socket.gone) return;
      this.frames++;
      this.on.frame(readLiveFrame(data));
      // After the frame has been handed to the graphics card.
      requestAnimationFrame(() => this.socket.send('ack'));
    });
  }
}

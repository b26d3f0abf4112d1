// The socket that brings moving people: the newest frame wins, and each drawn frame is acknowledged.
import {readFrame} from './frames';
import type {Frame} from './frames';
import type {Playhead} from './types';

const RETRY_MS = 1500;

export class Stream {
  bytes = 0;
  frames = 0;
  private socket: WebSocket | null = null;
  private waiting: ArrayBuffer | null = null;
  private closed = false;
  private retry = 0;

  constructor(private url: string, private playhead: Playhead | undefined, private onFrame: (frame: Frame) => void) {
    this.open();
  }

  control(playhead: Playhead | undefined): void {
    this.playhead = playhead;
    if (playhead && this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(playhead));
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.retry);
    this.socket?.close();
  }

  private open(): void {
    const absolute = new URL(this.url, window.location.href);
    absolute.protocol = absolute.protocol.replace(/^http/, 'ws');
    const socket = new WebSocket(absolute);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.control(this.playhead);
    socket.onmessage = (message) => this.receive(socket, message.data as ArrayBuffer);
    socket.onclose = (event) => {
      // 4xxx and 1008: the server refuses (unknown run, wrong origin); asking again does not help.
      if (!this.closed && event.code < 4000 && event.code !== 1008) {
        this.retry = window.setTimeout(() => this.open(), RETRY_MS);
      }
    };
    this.socket = socket;
  }

  private receive(socket: WebSocket, data: ArrayBuffer): void {
    this.bytes += data.byteLength;
    const drawing = this.waiting !== null;
    this.waiting = data;
    if (drawing) return;
    requestAnimationFrame(() => {
      const newest = this.waiting;
      this.waiting = null;
      if (!newest || this.closed) return;
      this.frames++;
      this.onFrame(readFrame(newest));
      if (socket.readyState === WebSocket.OPEN) socket.send('ack');
    });
  }
}

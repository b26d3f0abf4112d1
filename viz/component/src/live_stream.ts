// The socket of live positions: the newest frame wins on the server, and each drawn frame is acknowledged.
import {readLiveFrame} from './live_frames';
import type {LiveFrame} from './live_frames';

const RETRY_MS = 1500;

export interface LiveTold {
  names?: Record<string, string>;
  stale_s?: number;
  refused?: string; // why
}

export class LiveStream {
  bytes = 0;
  frames = 0;
  private socket: WebSocket | null = null;
  private closed = false;
  private retry = 0;

  constructor(private url: string, private moment: number | null, private on: {
    frame: (frame: LiveFrame) => void; told: (what: LiveTold) => void; lost: (again: boolean) => void}) {
    this.open();
  }

  /** Show another moment, epoch seconds; null for now. */
  show(moment: number | null): void {
    this.moment = moment;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({at: moment}));
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
    socket.onopen = () => this.show(this.moment);
    socket.onmessage = (message) => this.receive(socket, message.data);
    socket.onclose = (event) => {
      if (this.closed) return;
      // 4xxx and 1008: the server refuses; asking again does not help.
      const again = event.code < 4000 && event.code !== 1008;
      this.on.lost(again);
      if (again) this.retry = window.setTimeout(() => this.open(), RETRY_MS);
    };
    this.socket = socket;
  }

  private receive(socket: WebSocket, data: ArrayBuffer | string): void {
    if (typeof data === 'string') {
      this.on.told(JSON.parse(data));
      return;
    }
    this.bytes += data.byteLength;
    requestAnimationFrame(() => {
      if (this.closed) return;
      this.frames++;
      this.on.frame(readLiveFrame(data));
      // After the frame has been handed to the graphics card.
      requestAnimationFrame(() => socket.readyState === WebSocket.OPEN && socket.send('ack'));
    });
  }
}

// A socket to this server that opens again after a while when the connection is lost, until it is closed or refused.
const RETRY_MS = 1500;

export class LastingSocket {
  private socket: WebSocket | null = null;
  private closed = false;
  private retry = 0;

  constructor(private url: string, private on: {
    open: () => void; message: (data: ArrayBuffer | string) => void; lost?: (again: boolean) => void}) {
    this.open();
  }

  get gone(): boolean {
    return this.closed;
  }

  send(text: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
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
    socket.onopen = () => this.on.open();
    socket.onmessage = (message) => this.on.message(message.data);
    socket.onclose = (event) => {
      if (this.closed) return;
      // 4xxx and 1008: the server refuses (unknown run, wrong origin); asking again does not help.
      const again = event.code < 4000 && event.code !== 1008;
      this.on.lost?.(again);
      if (again) this.retry = window.setTimeout(() => this.open(), RETRY_MS);
    };
    this.socket = socket;
  }
}

// One binary frame of live positions (viz/live_stream.py).
export interface LiveFrame {
  n: number;
  whole: boolean; // forget what was drawn before
  live: boolean; // of now, not of a past moment
  seq: number;
  time: number; // epoch seconds of the picture
  slots: Uint32Array;
  x: Float32Array; // local metres
  y: Float32Array;
  age: Float32Array; // seconds before `time`
  accuracy: Float32Array; // metres, NaN if unknown
  heading: Float32Array; // radians, NaN if unknown
  state: Uint8Array;
  gone: Uint32Array; // slots that are drawn no longer
}

const MAGIC = 0x314c4854; // "THL1"
const HEAD = 32;
const WHOLE = 1, LIVE = 2;

export function readLiveFrame(buffer: ArrayBuffer): LiveFrame {
  const head = new DataView(buffer);
  if (buffer.byteLength < HEAD || head.getUint32(0, true) !== MAGIC) throw new Error('this is not a frame of positions');
  const flags = head.getUint32(4, true), n = head.getUint32(8, true), lost = head.getUint32(24, true);
  let at = HEAD;
  const column = () => {
    const values = new Float32Array(buffer, at, n);
    at += 4 * n;
    return values;
  };
  const slots = new Uint32Array(buffer, at, n);
  at += 4 * n;
  const x = column(), y = column(), age = column(), accuracy = column(), heading = column();
  const gone = new Uint32Array(buffer, at, lost);
  at += 4 * lost;
  return {n, whole: (flags & WHOLE) !== 0, live: (flags & LIVE) !== 0, seq: head.getUint32(12, true), time: head.getFloat64(16, true),
    slots, x, y, age, accuracy, heading, gone, state: new Uint8Array(buffer, at, n)};
}

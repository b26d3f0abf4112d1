// One binary frame of moving people (viz/stream.py).
export interface Frame {
  n: number;
  seq: number;
  t: number; // seconds of the run that the positions are for
  arriveMs: number; // wall time until the playhead is there
  jump: boolean; // no way between the last frame and this one: a seek, or another stream
  xy: Float32Array; // (n, 2) metres from the origin
  ids: Uint32Array | null;
  speed: Uint8Array; // in 0.02 m/s
  state: Uint8Array;
}

const MAGIC = 0x31464854; // "THF1"
const HAS_IDS = 1;
const JUMP = 2;
const UNIT = 0.05;

export function readFrame(buffer: ArrayBuffer): Frame {
  const head = new DataView(buffer);
  if (buffer.byteLength < 32 || head.getUint32(0, true) !== MAGIC) throw new Error('this is not a frame of people');
  const flags = head.getUint32(4, true);
  const n = head.getUint32(8, true);
  let at = 32;
  const grains = new Int16Array(buffer, at, 2 * n);
  at += 4 * n;
  let ids: Uint32Array | null = null;
  if (flags & HAS_IDS) {
    ids = new Uint32Array(buffer, at, n);
    at += 4 * n;
  }
  const xy = new Float32Array(2 * n);
  for (let i = 0; i < 2 * n; i++) xy[i] = grains[i] * UNIT;
  return {
    n, seq: head.getUint32(12, true), t: head.getFloat64(16, true), arriveMs: 1000 * head.getFloat32(24, true),
    jump: (flags & JUMP) !== 0, xy, ids, speed: new Uint8Array(buffer, at, n), state: new Uint8Array(buffer, at + n, n)};
}

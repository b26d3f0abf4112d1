// Units on shift: where each is, which way it faces, how sure that is, how old, and the last half minute of its way.
import type {LiveFrame} from './live_frames';

export const TRAIL_S = 30;
const POINTS = 32; // of a trail
const TRAILS_FOR_ALL = 600;
const TRAILS_MOST = 1500;

export interface UnitNow {
  slot: number;
  name: string;
  x: number;
  y: number;
  age: number; // seconds since it was observed
  accuracy: number; // metres, NaN if unknown
  heading: number; // radians, NaN if unknown
  state: number; // 0 free, 1 on a case, 2 neither
  stale: boolean;
}

export class Units {
  staleAfter = 60; // seconds
  version = 0;
  n = 0;
  time = 0; // of the picture, epoch seconds
  private clock = 0; // performance.now() when the picture came
  private runs = true; // the picture's clock goes on by itself
  private readonly indexOfSlot = new Map<number, number>();
  private readonly indexOfName = new Map<string, number>();
  private names = new Map<number, string>();
  private slots: number[] = [];
  private x = new Float32Array(0);
  private y = new Float32Array(0);
  private seen = new Float64Array(0);
  private accuracy = new Float32Array(0);
  private heading = new Float32Array(0);
  private state = new Uint8Array(0);
  private trail = new Float32Array(0); // (room, POINTS, 2), a ring for each
  private trailSeen = new Float64Array(0); // (room, POINTS)
  private trailHead = new Uint16Array(0); // points ever written

  name(names: Record<string, string>): void {
    for (const [slot, name] of Object.entries(names)) {
      this.names.set(Number(slot), name);
      const index = this.indexOfSlot.get(Number(slot));
      if (index !== undefined) this.indexOfName.set(name, index);
    }
  }

  clear(): void {
    this.indexOfSlot.clear();
    this.indexOfName.clear();
    this.slots = [];
    this.n = 0;
    this.version++;
  }

  take(frame: LiveFrame, now: number): void {
    if (frame.whole) this.clear();
    for (const slot of frame.gone) this.remove(slot);
    this.time = frame.time;
    this.clock = now;
    this.runs = frame.live;
    for (let k = 0; k < frame.n; k++) {
      const slot = frame.slots[k];
      let i = this.indexOfSlot.get(slot);
      const fresh = i === undefined;
      if (i === undefined) {
        i = this.n++;
        this.reserve(this.n);
        this.indexOfSlot.set(slot, i);
        this.slots[i] = slot;
        const name = this.names.get(slot);
        if (name !== undefined) this.indexOfName.set(name, i);
        this.trailHead[i] = 0;
      }
      const seen = frame.time - frame.age[k], x = frame.x[k], y = frame.y[k];
      // Where nothing tells the heading, the way does.
      const dx = x - this.x[i], dy = y - this.y[i];
      const way = !fresh && dx * dx + dy * dy > 1 ? Math.atan2(dy, dx) : fresh ? NaN : this.heading[i];
      this.heading[i] = Number.isFinite(frame.heading[k]) ? frame.heading[k] : way;
      if (fresh || seen > this.seen[i]) this.keep(i, x, y, seen);
      this.x[i] = x;
      this.y[i] = y;
      this.seen[i] = seen;
      this.accuracy[i] = frame.accuracy[k];
      this.state[i] = frame.state[k];
    }
    this.version++;
  }

  /** The time of the picture now. */
  now(now: number): number {
    return this.runs ? this.time + (now - this.clock) / 1000 : this.time;
  }

  at(i: number, now: number): UnitNow {
    const age = Math.max(this.now(now) - this.seen[i], 0);
    return {slot: this.slots[i], name: this.names.get(this.slots[i]) ?? '', x: this.x[i], y: this.y[i], age, accuracy: this.accuracy[i],
      heading: this.heading[i], state: this.state[i], stale: age > this.staleAfter};
  }

  find(name: string): number {
    return this.indexOfName.get(name) ?? -1;
  }

  /** Segments of trails that are younger than half a minute, of all units or, where there are very many, of those near
   * a place: from, to (x, y, z) and rgba. */
  trails(now: number, color: [number, number, number], center: number[], radius: number): {length: number; from: Float32Array; to: Float32Array; colors: Uint8Array} {
    const time = this.now(now);
    const chosen: number[] = [];
    for (let i = 0; i < this.n; i++) {
      if (this.n <= TRAILS_FOR_ALL || Math.hypot(this.x[i] - center[0], this.y[i] - center[1]) < radius) chosen.push(i);
    }
    const room = chosen.length * POINTS;
    const from = new Float32Array(3 * room), to = new Float32Array(3 * room), colors = new Uint8Array(4 * room);
    let k = 0;
    for (const i of chosen.slice(0, TRAILS_MOST)) {
      const head = this.trailHead[i], kept = Math.min(head, POINTS);
      for (let p = head - kept + 1; p < head; p++) {
        const a = i * POINTS + ((p - 1) % POINTS), b = i * POINTS + (p % POINTS);
        const left = 1 - (time - this.trailSeen[b]) / TRAIL_S;
        if (left <= 0 || time - this.trailSeen[a] > 2 * TRAIL_S) continue;
        from.set([this.trail[2 * a], this.trail[2 * a + 1], 0.3], 3 * k);
        to.set([this.trail[2 * b], this.trail[2 * b + 1], 0.3], 3 * k);
        colors.set([...color, Math.round(215 * Math.min(left, 1))], 4 * k);
        k++;
      }
    }
    return {length: k, from: from.subarray(0, 3 * k), to: to.subarray(0, 3 * k), colors: colors.subarray(0, 4 * k)};
  }

  private keep(i: number, x: number, y: number, seen: number): void {
    const at = i * POINTS + (this.trailHead[i] % POINTS);
    this.trail[2 * at] = x;
    this.trail[2 * at + 1] = y;
    this.trailSeen[at] = seen;
    this.trailHead[i] = this.trailHead[i] + 1 >= 64 * POINTS ? (this.trailHead[i] + 1) % POINTS + POINTS : this.trailHead[i] + 1;
  }

  private remove(slot: number): void {
    const i = this.indexOfSlot.get(slot);
    if (i === undefined) return;
    const last = this.n - 1;
    const name = this.names.get(slot);
    if (name !== undefined) this.indexOfName.delete(name);
    this.indexOfSlot.delete(slot);
    if (i !== last) {
      for (const column of [this.x, this.y, this.seen, this.accuracy, this.heading, this.state, this.trailHead]) column[i] = column[last];
      this.trail.copyWithin(2 * i * POINTS, 2 * last * POINTS, 2 * (last + 1) * POINTS);
      this.trailSeen.copyWithin(i * POINTS, last * POINTS, (last + 1) * POINTS);
      const moved = this.slots[last], movedName = this.names.get(moved);
      this.slots[i] = moved;
      this.indexOfSlot.set(moved, i);
      if (movedName !== undefined) this.indexOfName.set(movedName, i);
    }
    this.slots.length = last;
    this.n = last;
  }

  private reserve(n: number): void {
    if (this.x.length >= n) return;
    const room = Math.max(64, Math.ceil(n * 1.5));
    const grown = <T extends Float32Array | Float64Array | Uint8Array | Uint16Array>(old: T, made: T): T => {
      made.set(old as never);
      return made;
    };
    this.x = grown(this.x, new Float32Array(room));
    this.y = grown(this.y, new Float32Array(room));
    this.seen = grown(this.seen, new Float64Array(room));
    this.accuracy = grown(this.accuracy, new Float32Array(room));
    this.heading = grown(this.heading, new Float32Array(room));
    this.state = grown(this.state, new Uint8Array(room));
    this.trail = grown(this.trail, new Float32Array(room * POINTS * 2));
    this.trailSeen = grown(this.trailSeen, new Float64Array(room * POINTS));
    this.trailHead = grown(this.trailHead, new Uint16Array(room));
  }
}

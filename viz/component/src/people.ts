// Where everybody was, is going to be, looks to, and in which colour.
import type {Frame} from './frames';
import {FRUIN, FRUIN_FROM, STATE_COLORS, ramp} from './theme';
import type {Rgb} from './theme';
import type {ColorBy} from './types';

const FASTEST = 2.0; // m/s at the top of the speed ramp
const DENSITY_CELL = 1.5; // m; density is counted over 3 x 3 cells

const packed = ([r, g, b]: Rgb) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
const SPEED_PALETTE = Uint32Array.from({length: 256}, (_, i) =>
  packed(ramp('viridis')[Math.min(Math.round((i * 0.02 * 225) / FASTEST), 225)]));
const STATE_PALETTE = Uint32Array.from({length: 256}, (_, i) => packed(STATE_COLORS[Math.min(i, STATE_COLORS.length - 1)]));
const FRUIN_PALETTE = Uint32Array.from(FRUIN, packed);

export class People {
  n = 0;
  t = 0;
  version = 0;
  ids: Uint32Array | null = null;
  from: Float32Array = new Float32Array(0); // (n, 2) drawn when the newest frame came
  to: Float32Array = new Float32Array(0); // (n, 2) of the newest frame
  heading: Float32Array = new Float32Array(0);
  color: Uint32Array = new Uint32Array(0); // rgba bytes
  speed: Uint8Array = new Uint8Array(0);
  state: Uint8Array = new Uint8Array(0);
  private began = 0;
  private lasts = 0;

  /** Take a new frame: everybody walks on from where they are drawn now. */
  push(frame: Frame, colorBy: ColorBy, now: number): void {
    const {n, xy, ids} = frame;
    const share = this.share(now);
    const from = new Float32Array(2 * n);
    const heading = new Float32Array(n);
    const old = this.ids;
    for (let i = 0, j = 0; i < n; i++) {
      let k = -1;
      if (!frame.jump && this.n) {
        if (ids && old) {
          while (j < this.n && old[j] < ids[i]) j++;
          if (j < this.n && old[j] === ids[i]) k = j;
        } else if (!ids && !old && i < this.n) k = i;
      }
      const x = xy[2 * i], y = xy[2 * i + 1];
      if (k < 0) {
        from[2 * i] = x;
        from[2 * i + 1] = y;
        heading[i] = ((ids ? ids[i] : i) * 2.399) % 6.2832;
        continue;
      }
      const fx = this.from[2 * k], fy = this.from[2 * k + 1];
      from[2 * i] = fx + (this.to[2 * k] - fx) * share;
      from[2 * i + 1] = fy + (this.to[2 * k + 1] - fy) * share;
      const dx = x - from[2 * i], dy = y - from[2 * i + 1];
      heading[i] = dx * dx + dy * dy > 0.01 ? Math.atan2(dy, dx) : this.heading[k];
    }
    Object.assign(this, {n, t: frame.t, ids, from, to: xy, heading, speed: frame.speed, state: frame.state});
    this.began = now;
    this.lasts = frame.jump ? 0 : frame.arriveMs;
    this.paint(colorBy);
  }

  /** Colour everybody anew. */
  paint(colorBy: ColorBy): void {
    const color = new Uint32Array(this.n);
    if (colorBy === 'density') {
      const level = this.levels();
      for (let i = 0; i < this.n; i++) color[i] = FRUIN_PALETTE[level[i]];
    } else {
      const palette = colorBy === 'state' ? STATE_PALETTE : SPEED_PALETTE;
      const values = colorBy === 'state' ? this.state : this.speed;
      for (let i = 0; i < this.n; i++) color[i] = palette[values[i]];
    }
    this.color = color;
    this.version++;
  }

  /** Share of the way from `from` to `to` that is walked by now. */
  share(now: number): number {
    return this.lasts > 0 ? Math.min((now - this.began) / this.lasts, 1) : 1;
  }

  indexOf(id: number): number {
    return this.ids ? this.ids.indexOf(id) : id < this.n ? id : -1;
  }

  idAt(index: number): number {
    return this.ids ? this.ids[index] : index;
  }

  positionAt(index: number, now: number): [number, number] {
    const share = this.share(now);
    const at = (k: number) => this.from[k] + (this.to[k] - this.from[k]) * share;
    return [at(2 * index), at(2 * index + 1)];
  }

  private levels(): Uint8Array {
    const {n, to} = this;
    const columns = 4096;
    const cellOf = new Int32Array(n);
    const count = new Map<number, number>();
    for (let i = 0; i < n; i++) {
      const cell = (Math.floor(to[2 * i + 1] / DENSITY_CELL) + 2048) * columns + Math.floor(to[2 * i] / DENSITY_CELL) + 2048;
      cellOf[i] = cell;
      count.set(cell, (count.get(cell) ?? 0) + 1);
    }
    const levelOf = new Map<number, number>();
    const area = 9 * DENSITY_CELL * DENSITY_CELL;
    for (const cell of count.keys()) {
      let around = 0;
      for (let dy = -columns; dy <= columns; dy += columns) {
        for (let dx = -1; dx <= 1; dx++) around += count.get(cell + dy + dx) ?? 0;
      }
      let level = 0;
      while (level < 5 && around / area >= FRUIN_FROM[level + 1]) level++;
      levelOf.set(cell, level);
    }
    return Uint8Array.from(cellOf, (cell) => levelOf.get(cell)!);
  }
}

// Names over the scene, drawn by the browser's own text engine so that every script has its glyphs. They fade with
// distance and never overlap: the more important name wins its place.
import type {Viewport} from '@deck.gl/core';
import {eyeOf} from './camera';
import type {Theme} from './theme';
import type {Label} from './types';

const FONT = '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", "Source Han Sans SC", system-ui, sans-serif';
const MOST = 70;
// Below this zoom a kind of name is not shown.
const FROM_ZOOM: Record<string, number> = {
  square: -3, street: -1.2, lane: 0.4, courtyard: 2.2, grid: -0.2, part: 1.6, building: 1.8, metro: -1.5};
const SIZE: Record<string, number> = {square: 15, street: 13, lane: 12, courtyard: 11, grid: 11, part: 11, metro: 12};

export class Labels {
  readonly canvas = document.createElement('canvas');
  shown: string[] = [];
  private measured = new Map<string, number>();

  constructor() {
    Object.assign(this.canvas.style, {position: 'absolute', inset: '0', width: '100%', height: '100%', pointerEvents: 'none'});
  }

  draw(viewport: Viewport, labels: Label[], zoom: number, theme: Theme): void {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const {width, height} = viewport;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext('2d')!;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.lineJoin = 'round';
    this.shown = [];
    const eye = eyeOf(viewport);
    const target = viewport.center ?? [0, 0, 0];
    const reach = Math.hypot(eye[0] - target[0], eye[1] - target[1], eye[2] - target[2]);
    const taken: [number, number, number, number][] = [];
    for (const label of labels) { // sorted by priority, highest first
      if (this.shown.length >= MOST) break;
      if (zoom < (FROM_ZOOM[label.kind ?? ''] ?? -9)) continue;
      const [x, y, z = 0] = label.position;
      const far = Math.hypot(eye[0] - x, eye[1] - y, eye[2] - z) / reach;
      const clear = Math.min(Math.max((2.6 - far) / 1.1, 0), 1);
      if (clear < 0.08) continue;
      const [px, own] = viewport.project([x, y, z]);
      const py = own + (label.below ?? 0);
      if (px < 4 || py < 4 || px > width - 4 || py > height - 4) continue;
      const size = label.size ?? SIZE[label.kind ?? ''] ?? 12;
      const angle = label.heading === undefined ? 0 : this.slope(viewport, label, px, py);
      const wide = this.width(pen, label.text, size) / 2 + 4, high = size / 2 + 3;
      const c = Math.abs(Math.cos(angle)), s = Math.abs(Math.sin(angle));
      const box: [number, number, number, number] = [
        px - wide * c - high * s, py - wide * s - high * c, px + wide * c + high * s, py + wide * s + high * c];
      if (taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) continue;
      taken.push(box);
      this.shown.push(label.text);
      pen.save();
      pen.translate(px, py);
      pen.rotate(angle);
      pen.globalAlpha = clear;
      pen.font = `${label.kind === 'square' ? 600 : 500} ${size}px ${FONT}`;
      pen.strokeStyle = theme.textHalo;
      pen.lineWidth = 3.5;
      pen.strokeText(label.text, 0, 0);
      pen.fillStyle = label.kind === 'grid' || label.kind === 'courtyard' ? theme.textQuiet : theme.text;
      pen.fillText(label.text, 0, 0);
      pen.restore();
    }
  }

  private width(pen: CanvasRenderingContext2D, text: string, size: number): number {
    const key = `${size}|${text}`;
    let wide = this.measured.get(key);
    if (wide === undefined) {
      pen.font = `500 ${size}px ${FONT}`;
      wide = pen.measureText(text).width;
      this.measured.set(key, wide);
    }
    return wide;
  }

  /** How the street slopes on the screen, turned so that the name reads from left to right. */
  private slope(viewport: Viewport, label: Label, px: number, py: number): number {
    const [x, y, z = 0] = label.position;
    const [qx, qy] = viewport.project([x + 5 * Math.cos(label.heading!), y + 5 * Math.sin(label.heading!), z]);
    let angle = Math.atan2(qy - py, qx - px);
    if (angle > Math.PI / 2) angle -= Math.PI;
    if (angle < -Math.PI / 2) angle += Math.PI;
    return angle;
  }
}

export function byPriority(labels: Label[]): Label[] {
  return [...labels].sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
}

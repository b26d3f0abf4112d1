// Signs of units, cases, cameras and alarms, drawn once into one picture. The sign says the state, not the colour alone.
import {CASE_COLORS, FRUIN, UNIT_COLORS} from './theme';
import type {Rgb} from './theme';

const SIZE = 96;
const COLUMNS = 8;
const FONT = '"Noto Sans", "DejaVu Sans", system-ui, sans-serif';

type Sign = {x: number; y: number; width: number; height: number; anchorX?: number; anchorY?: number; mask: boolean};
export interface Icons {
  atlas: HTMLCanvasElement;
  mapping: Record<string, Sign>;
}

const CASE_STATES = ['reported', 'dispatched', 'arrived', 'handled', 'verified', 'closed', 'assessed'];
const UNIT_STATES = ['free', 'busy', 'other', 'stale'];
const CASE_SIGNS: Record<string, string> = {reported: '!', dispatched: '→', arrived: '●', handled: '?', verified: '✓', closed: '✓', assessed: '★'};

const css = ([r, g, b]: Rgb) => `rgb(${r},${g},${b})`;
let made: Icons | null = null;

export function icons(): Icons {
  if (made) return made;
  const signs: [string, (pen: CanvasRenderingContext2D) => void][] = [];
  for (const state of UNIT_STATES) {
    signs.push([`unit-${state}`, (pen) => unit(pen, UNIT_COLORS[state], false)], [`unit-${state}-facing`, (pen) => unit(pen, UNIT_COLORS[state], true)]);
  }
  for (const state of CASE_STATES) {
    signs.push([`case-${state}`, (pen) => diamond(pen, CASE_COLORS[state], CASE_SIGNS[state], false)],
      [`case-${state}-late`, (pen) => diamond(pen, CASE_COLORS[state], CASE_SIGNS[state], true)]);
  }
  for (const trend of ['', '-up', '-down']) {
    'ABCDEF'.split('').forEach((letter, k) => signs.push([`camera-${letter}${trend}`, (pen) => camera(pen, FRUIN[k], letter, trend)]));
  }
  signs.push(['camera-stale', (pen) => camera(pen, [128, 128, 128], '–', '')]);
  signs.push(['alarm-open', (pen) => triangle(pen, true)], ['alarm-seen', (pen) => triangle(pen, false)]);

  const atlas = document.createElement('canvas');
  atlas.width = COLUMNS * SIZE;
  atlas.height = Math.ceil(signs.length / COLUMNS) * SIZE;
  const pen = atlas.getContext('2d')!;
  const mapping: Record<string, Sign> = {};
  signs.forEach(([name, draw], k) => {
    const x = (k % COLUMNS) * SIZE, y = Math.floor(k / COLUMNS) * SIZE;
    pen.save();
    pen.translate(x + SIZE / 2, y + SIZE / 2);
    pen.lineJoin = 'round';
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    draw(pen);
    pen.restore();
    mapping[name] = {x, y, width: SIZE, height: SIZE, mask: false};
  });
  made = {atlas, mapping};
  return made;
}

/** A disc, with a nose towards +x if it is known where the unit faces. */
function unit(pen: CanvasRenderingContext2D, color: Rgb, facing: boolean): void {
  pen.beginPath();
  if (facing) {
    pen.moveTo(44, 0);
    pen.lineTo(15, -25);
    pen.arc(0, 0, 28, -1.03, 1.03, true);
    pen.closePath();
  } else pen.arc(0, 0, 28, 0, 2 * Math.PI);
  pen.fillStyle = css(color);
  pen.strokeStyle = '#fff';
  pen.lineWidth = 7;
  pen.stroke();
  pen.fill();
  pen.beginPath();
  pen.arc(0, 0, 9, 0, 2 * Math.PI);
  pen.fillStyle = '#fff';
  pen.fill();
}

function diamond(pen: CanvasRenderingContext2D, color: Rgb, sign: string, late: boolean): void {
  const path = (r: number) => {
    pen.beginPath();
    pen.moveTo(0, -r);
    pen.lineTo(r, 0);
    pen.lineTo(0, r);
    pen.lineTo(-r, 0);
    pen.closePath();
  };
  path(late ? 38 : 40);
  pen.strokeStyle = late ? '#1d1b18' : '#fff';
  pen.lineWidth = late ? 13 : 7;
  pen.stroke();
  if (late) {
    pen.strokeStyle = '#fff';
    pen.lineWidth = 5;
    pen.stroke();
  }
  pen.fillStyle = css(color);
  pen.fill();
  pen.fillStyle = '#fff';
  pen.font = `700 42px ${FONT}`;
  pen.fillText(sign, 0, 3);
}

function camera(pen: CanvasRenderingContext2D, color: Rgb, letter: string, trend: string): void {
  pen.beginPath();
  pen.roundRect(-36, -30, 72, 60, 12);
  pen.strokeStyle = '#fff';
  pen.lineWidth = 7;
  pen.stroke();
  pen.fillStyle = css(color);
  pen.fill();
  pen.fillStyle = 'BCDE'.includes(letter) ? '#1a1a1a' : '#fff';
  pen.font = `700 44px ${FONT}`;
  pen.fillText(letter, trend ? -12 : 0, 3);
  if (!trend) return;
  const up = trend === '-up' ? -1 : 1;
  pen.beginPath();
  pen.moveTo(20, 15 * up);
  pen.lineTo(8, -9 * up);
  pen.lineTo(32, -9 * up);
  pen.closePath();
  pen.fill();
}

function triangle(pen: CanvasRenderingContext2D, open: boolean): void {
  pen.beginPath();
  pen.moveTo(0, -40);
  pen.lineTo(42, 34);
  pen.lineTo(-42, 34);
  pen.closePath();
  pen.strokeStyle = open ? '#fff' : '#b3261e';
  pen.lineWidth = 8;
  pen.stroke();
  pen.fillStyle = open ? '#c62020' : '#fff';
  pen.fill();
  pen.fillStyle = open ? '#fff' : '#b3261e';
  pen.font = `800 52px ${FONT}`;
  pen.fillText('!', 0, 10);
}

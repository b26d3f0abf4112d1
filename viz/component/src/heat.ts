// A map of values on the ground as a picture: one pixel a cell.
import {ramp} from './theme';
import type {Heat} from './types';

export interface HeatPicture {
  image: ImageData;
  bounds: [number, number, number, number];
}

export async function heatPicture(heat: Heat): Promise<HeatPicture> {
  const [rows, columns] = heat.shape;
  const values = heat.values ? decoded(heat.values) : new Float32Array(await (await fetched(heat.url!)).arrayBuffer());
  if (values.length !== rows * columns) throw new Error(`the map has ${values.length} values, not ${rows} x ${columns}`);
  const [low, high] = heat.range ?? rangeOf(values);
  const name = heat.ramp ?? 'cividis';
  const colors = ramp(name, [low, high]);
  const image = new ImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = values[row * columns + column];
      const at = 4 * ((rows - 1 - row) * columns + column); // pictures begin in the north
      const share = (value - low) / (high - low || 1);
      if (!Number.isFinite(value) || (name !== 'diverging' && share <= 0.005)) continue;
      const [r, g, b] = colors[Math.min(Math.max(Math.round(share * 255), 0), 255)];
      const fade = name === 'diverging' ? Math.min(Math.abs(share - 0.5) * 8, 1) : Math.min(share * 12, 1);
      image.data.set([r, g, b, Math.round(255 * (heat.opacity ?? 0.8) * fade)], at);
    }
  }
  const [x, y] = heat.origin;
  return {image, bounds: [x, y, x + columns * heat.cell, y + rows * heat.cell]};
}

function decoded(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
}

async function fetched(url: string): Promise<Response> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer;
}

function rangeOf(values: Float32Array): [number, number] {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (Number.isFinite(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low < high ? [low, high] : [0, 1];
}

// Colours of the place, light and dark: warm greys, roofs a tone darker than walls, lanes light, red gates.
import type {ThemeName} from './types';

export type Rgb = [number, number, number];
export type Rgba = [number, number, number, number];

export interface Theme {
  background: string;
  solids: Rgb[]; // by kind: wall, roof, other, courtyard wall, gate, tall front
  ground: Rgb[]; // by class: see GROUND_CLASSES in viz/scene.py
  shadow: Rgba;
  contact: Rgba;
  grid: Rgba;
  outline: Rgba;
  halo: Rgba;
  text: string;
  textHalo: string;
  textQuiet: string;
  sky: number; // share of light that does not come from the sun
  tone: number; // of what stands on the street
}

export const THEMES: Record<ThemeName, Theme> = {
  light: {
    background: '#e2ded6',
    solids: [[222, 215, 204], [116, 118, 121], [176, 170, 161], [190, 184, 175], [163, 52, 40], [208, 203, 196]],
    ground: [
      [226, 222, 214], [243, 240, 234], [249, 247, 242], [236, 231, 221], [205, 211, 190], [176, 196, 203],
      [218, 211, 198], [228, 227, 224], [223, 219, 211], [200, 208, 190]],
    shadow: [62, 54, 66, 62],
    contact: [58, 50, 44, 105],
    grid: [150, 140, 125, 90],
    outline: [0, 92, 200, 255],
    halo: [255, 255, 255, 220],
    text: '#2b2926', textHalo: 'rgba(250,248,244,0.92)', textQuiet: '#6b655c', sky: 0.62, tone: 1
  },
  dark: {
    background: '#23272b',
    solids: [[132, 130, 127], [84, 88, 93], [108, 107, 105], [116, 114, 110], [168, 66, 52], [120, 122, 125]],
    ground: [
      [35, 39, 43], [60, 65, 70], [72, 77, 82], [54, 58, 61], [46, 57, 47], [38, 62, 76],
      [51, 53, 54], [56, 61, 67], [44, 48, 51], [49, 61, 50]],
    shadow: [8, 10, 14, 105],
    contact: [5, 7, 10, 140],
    grid: [170, 180, 190, 60],
    outline: [110, 190, 255, 255],
    halo: [0, 0, 0, 220],
    text: '#efede8', textHalo: 'rgba(20,23,26,0.9)', textQuiet: '#b5b1a9', sky: 0.6, tone: 0.72
  }
};

// Fruin's levels of service for walking, A-F; persons per square metre where each begins.
export const FRUIN: Rgb[] = [
  [49, 104, 189], [38, 157, 160], [84, 168, 75], [236, 202, 48], [240, 134, 34], [207, 42, 39]];
export const FRUIN_FROM = [0, 0.308, 0.431, 0.718, 1.076, 2.153];

const CIVIDIS: Rgb[] = [
  [0, 34, 78], [33, 59, 110], [76, 85, 108], [108, 110, 114], [140, 136, 120], [176, 165, 112], [214, 195, 95],
  [254, 232, 56]];
const VIRIDIS: Rgb[] = [
  [68, 1, 84], [70, 50, 127], [54, 92, 141], [39, 127, 142], [31, 161, 135], [74, 194, 109], [159, 218, 58],
  [253, 231, 37]];
const DIVERGING: Rgb[] = [[33, 92, 168], [122, 167, 214], [247, 247, 247], [242, 168, 94], [200, 88, 10]];

// People by what they do: walking in, queueing, being served, at the venue, leaving, stuck.
export const STATE_COLORS: Rgb[] = [
  [29, 111, 184], [196, 120, 12], [122, 78, 160], [66, 140, 90], [38, 148, 168], [206, 40, 40]];

// Units on shift by what they do; the trail; cases by their state. Red is for alarms only.
export const UNIT_COLORS: Record<string, Rgb> = {
  free: [14, 122, 92], busy: [30, 92, 190], other: [108, 84, 60], stale: [134, 134, 134], trail: [22, 110, 150]};
export const CASE_COLORS: Record<string, Rgb> = {
  reported: [190, 104, 0], dispatched: [30, 92, 190], arrived: [16, 118, 128], handled: [116, 70, 160], verified: [96, 84, 128],
  closed: [92, 102, 92], assessed: [92, 102, 92]};

function mixed(stops: Rgb[], share: number): Rgb {
  const x = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(x), stops.length - 2);
  return stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (x - i))) as Rgb;
}

/** 256 colours of a ramp; `range` is needed by `fruin`, whose steps stand at fixed densities. */
export function ramp(name: string, range: [number, number] = [0, 1]): Rgb[] {
  const out: Rgb[] = [];
  for (let i = 0; i < 256; i++) {
    if (name === 'fruin') {
      const density = range[0] + (range[1] - range[0]) * (i / 255);
      let level = 0;
      while (level < 5 && density >= FRUIN_FROM[level + 1]) level++;
      out.push(FRUIN[level]);
    } else {
      out.push(mixed(name === 'viridis' ? VIRIDIS : name === 'diverging' ? DIVERGING : CIVIDIS, i / 255));
    }
  }
  return out;
}

export const ZONE_COLORS: Record<string, Rgb> = {
  core: [130, 52, 140], guard: [40, 88, 172], control: [24, 122, 110]};
export const OVERLAY_COLORS: Record<string, Rgb> = {
  barrier: [92, 62, 30], gate: [20, 120, 60], checkpoint: [168, 96, 0], post: [30, 80, 150], closure: [90, 90, 96],
  oneway: [0, 108, 130], entry: [20, 104, 92], venue: [118, 84, 24], incident: [206, 40, 40], reach: [30, 120, 90],
  blind: [140, 60, 100], zone: [40, 88, 172], measure: [40, 40, 48]};

// What a layout adds to the place: zones with hatching, barriers, gates, checkpoints, posts, closures.
import type {Layer} from '@deck.gl/core';
import {LineLayer, PathLayer, ScatterplotLayer, SolidPolygonLayer} from '@deck.gl/layers';
import {OVERLAY_COLORS, ZONE_COLORS} from './theme';
import type {Rgb, Theme} from './theme';
import type {Label, Overlay} from './types';

type Line = {overlay: Overlay; path: number[][]; color: Rgb; width: number};
type Hatch = {overlay: Overlay; from: number[]; to: number[]; color: Rgb};
type Slab = {overlay: Overlay; polygon: number[][]; color: Rgb; height: number};
type Disc = {overlay: Overlay; position: number[]; color: Rgb; radius: number};

const HATCH_ANGLE: Record<string, number> = {core: 45, guard: 135, control: 0, closure: 45, venue: 90};
const FENCE_HEIGHT = 1.1;
const LANE_LENGTH = 4;
const ON_TOP = {depthCompare: 'always' as const, depthWriteEnabled: false};

export function colorOf(overlay: Overlay): Rgb {
  return (overlay.kind === 'zone' && ZONE_COLORS[overlay.style ?? '']) || OVERLAY_COLORS[overlay.kind] || [70, 70, 70];
}

export function overlayLayers(overlays: Overlay[], selected: string[], theme: Theme, visible: boolean): Layer[] {
  const lines: Line[] = [], hatches: Hatch[] = [], slabs: Slab[] = [], discs: Disc[] = [], areas: Slab[] = [];
  for (const overlay of overlays) {
    const color = colorOf(overlay);
    const {geometry} = overlay;
    if (geometry.type === 'Polygon') {
      for (const ring of geometry.coordinates) lines.push({overlay, path: closed(ring), color, width: overlay.style === 'core' ? 3.5 : 2.5});
      areas.push({overlay, polygon: geometry.coordinates[0], color, height: 0});
      const angle = HATCH_ANGLE[overlay.style ?? overlay.kind] ?? 45;
      for (const [from, to] of hatching(geometry.coordinates, angle)) hatches.push({overlay, from, to, color});
      if (overlay.style === 'core') {
        for (const [from, to] of hatching(geometry.coordinates, angle + 90)) hatches.push({overlay, from, to, color});
      }
    } else if (geometry.type === 'LineString') {
      lines.push({overlay, path: geometry.coordinates, color, width: 3});
      if (overlay.kind === 'barrier') slabs.push(...fence(overlay, geometry.coordinates, color));
      if (overlay.kind === 'oneway') lines.push(...arrows(overlay, geometry.coordinates, color));
    } else {
      const at = geometry.coordinates;
      if (overlay.kind === 'checkpoint') {
        slabs.push(...lanes(overlay, at, color));
        lines.push({overlay, path: arrow(at, overlay.heading ?? 0, 3.2), color, width: 3});
      } else if (overlay.kind === 'gate') {
        slabs.push(...gatePosts(overlay, at, color));
      }
      discs.push({overlay, position: [...at.slice(0, 2), 0.15], color, radius: overlay.kind === 'gate' ? (overlay.width ?? 4) / 2 : 1.6});
    }
  }
  const chosen = new Set(selected);
  const outlined = [...theme.outline] as [number, number, number, number];
  const shared = {pickable: true, visible};
  const rings = [...lines.filter((l) => chosen.has(l.overlay.id)).map((l) => l.path),
    ...discs.filter((d) => chosen.has(d.overlay.id)).map((d) => circle(d.position, d.radius + 1.2))];
  return [
    // Nearly clear, but there to be picked: the whole of a zone answers to the pointer.
    new SolidPolygonLayer<Slab>({...shared, id: 'overlay-areas', data: areas, getPolygon: (d) => d.polygon as never,
      getFillColor: (d) => [...d.color, 14], extruded: false, parameters: ON_TOP}),
    new LineLayer<Hatch>({...shared, id: 'overlay-hatches', pickable: false, data: hatches, getSourcePosition: (d) => d.from as never,
      getTargetPosition: (d) => d.to as never, getColor: (d) => [...d.color, 105], getWidth: 1, parameters: ON_TOP}),
    // A wide line under the overlay's own: an outline on both sides of it.
    new PathLayer<number[][]>({id: 'overlay-selected', visible, pickable: false, data: rings, getPath: (d) => d as never, getColor: outlined,
      getWidth: 8, widthUnits: 'pixels', jointRounded: true, capRounded: true, parameters: ON_TOP}),
    new PathLayer<Line>({...shared, id: 'overlay-lines', data: lines, getPath: (d) => d.path as never, getColor: (d) => [...d.color, 235],
      getWidth: (d) => d.width, widthUnits: 'pixels', jointRounded: true, capRounded: true, parameters: ON_TOP}),
    new SolidPolygonLayer<Slab>({...shared, id: 'overlay-slabs', data: slabs, getPolygon: (d) => d.polygon as never,
      getElevation: (d) => d.height, getFillColor: (d) => [...d.color, 255], extruded: true}),
    new ScatterplotLayer<Disc>({...shared, id: 'overlay-discs', data: discs, getPosition: (d) => d.position as never,
      getRadius: (d) => d.radius, radiusMinPixels: 5, radiusMaxPixels: 26, getFillColor: (d) => [...d.color, d.overlay.kind === 'gate' ? 90 : 225],
      stroked: true, getLineColor: [255, 255, 255, 235], lineWidthUnits: 'pixels', getLineWidth: 1.5, parameters: ON_TOP})
  ];
}

export function overlayLabels(overlays: Overlay[]): Label[] {
  return overlays.filter((o) => o.label).map((overlay) => {
    const {geometry} = overlay;
    const points = geometry.type === 'Point' ? [geometry.coordinates] : geometry.type === 'LineString' ? geometry.coordinates : geometry.coordinates[0];
    const middle = [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);
    const lift = geometry.type === 'Point' ? 3.2 : 0.2;
    return {text: overlay.label!, position: [...middle, lift], priority: geometry.type === 'Point' ? 60 : 90};
  });
}

function closed(ring: number[][]): number[][] {
  const [first, last] = [ring[0], ring[ring.length - 1]];
  return first[0] === last[0] && first[1] === last[1] ? ring : [...ring, first];
}

/** Parallel segments inside a polygon, even-odd over all its rings, at an angle in degrees. */
export function hatching(rings: number[][][], degrees: number): [number[], number[]][] {
  const turn = (degrees * Math.PI) / 180, c = Math.cos(turn), s = Math.sin(turn);
  const turned = rings.map((ring) => closed(ring).map(([x, y]) => [x * c + y * s, y * c - x * s]));
  const heights = turned[0].map((p) => p[1]);
  const low = Math.min(...heights), high = Math.max(...heights);
  const across = turned[0].map((p) => p[0]);
  const spacing = Math.max(2.5, Math.sqrt((high - low) * (Math.max(...across) - Math.min(...across))) / 22);
  const out: [number[], number[]][] = [];
  for (let y = (Math.floor(low / spacing) + 0.5) * spacing; y < high; y += spacing) {
    const cuts: number[] = [];
    for (const ring of turned) {
      for (let k = 0; k + 1 < ring.length; k++) {
        const [ax, ay] = ring[k], [bx, by] = ring[k + 1];
        if (ay <= y !== by <= y) cuts.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
      }
    }
    cuts.sort((a, b) => a - b);
    const back = (x: number) => [x * c - y * s, x * s + y * c, 0.1];
    for (let k = 0; k + 1 < cuts.length; k += 2) out.push([back(cuts[k]), back(cuts[k + 1])]);
  }
  return out;
}

/** A crowd barrier: thin upright slabs along the line. */
function fence(overlay: Overlay, path: number[][], color: Rgb): Slab[] {
  return path.slice(1).map((b, k) => ({overlay, polygon: strip(path[k], b, 0.12), color, height: FENCE_HEIGHT}));
}

function strip(a: number[], b: number[], width: number): number[][] {
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
  const nx = (-(b[1] - a[1]) / length) * (width / 2), ny = ((b[0] - a[0]) / length) * (width / 2);
  return [[a[0] + nx, a[1] + ny], [b[0] + nx, b[1] + ny], [b[0] - nx, b[1] - ny], [a[0] - nx, a[1] - ny]];
}

function lanes(overlay: Overlay, at: number[], color: Rgb): Slab[] {
  const {lanes: n = 4, lane_width: wide = 1.2, heading = 0} = overlay;
  const forward = [Math.cos(heading), Math.sin(heading)], left = [-forward[1], forward[0]];
  const point = (along: number, across: number) => [at[0] + along * forward[0] + across * left[0], at[1] + along * forward[1] + across * left[1]];
  const half = LANE_LENGTH / 2;
  const rails = Array.from({length: n + 1}, (_, k): Slab => {
    const across = (k - n / 2) * wide;
    return {overlay, polygon: strip(point(-half, across), point(half, across), 0.1), color, height: 1};
  });
  const frames = Array.from({length: n}, (_, k): Slab => {
    const across = (k + 0.5 - n / 2) * wide;
    return {overlay, polygon: strip(point(0, across - 0.42 * wide), point(0, across - 0.3 * wide), 0.5), color: [90, 94, 100], height: 2.1};
  });
  return [...rails, ...frames];
}

function gatePosts(overlay: Overlay, at: number[], color: Rgb): Slab[] {
  const half = (overlay.width ?? 4) / 2, heading = overlay.heading ?? 0;
  return [-1, 1].map((side) => {
    const x = at[0] - Math.sin(heading) * half * side, y = at[1] + Math.cos(heading) * half * side;
    return {overlay, polygon: [[x - 0.15, y - 0.15], [x + 0.15, y - 0.15], [x + 0.15, y + 0.15], [x - 0.15, y + 0.15]], color, height: 2.2};
  });
}

function arrow(at: number[], heading: number, size: number): number[][] {
  const tip = (angle: number, length: number) => [at[0] + Math.cos(angle) * length, at[1] + Math.sin(angle) * length, 0.2];
  const head = tip(heading, size + 2);
  const wing = (side: number) => [head[0] - Math.cos(heading + side) * 1.6, head[1] - Math.sin(heading + side) * 1.6, 0.2];
  return [tip(heading + Math.PI, size), head, wing(0.6), head, wing(-0.6)];
}

function arrows(overlay: Overlay, path: number[][], color: Rgb): Line[] {
  return path.slice(1).map((b, k) => {
    const a = path[k];
    return {overlay, color, width: 2.5, path: arrow([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], Math.atan2(b[1] - a[1], b[0] - a[0]), 1.5)};
  });
}

function circle(at: number[], radius: number): number[][] {
  return Array.from({length: 25}, (_, k) => [at[0] + radius * Math.cos((k * Math.PI) / 12), at[1] + radius * Math.sin((k * Math.PI) / 12), 0.2]);
}

// What is live on the district: trails and accuracy under the units, signs of cases, cameras and alarms on stems.
import type {Layer} from '@deck.gl/core';
import {IconLayer, LineLayer, ScatterplotLayer} from '@deck.gl/layers';
import {icons} from './icons';
import {UNIT_COLORS} from './theme';
import type {Theme} from './theme';
import type {Label, LiveMark} from './types';
import type {UnitNow} from './units';
import type {Units} from './units';

const ON_TOP = {depthCompare: 'always' as const, depthWriteEnabled: false};
const NAMES_FROM_ZOOM = 0.2;
const NAMES_MOST = 300; // looked at for a place, nearest to the middle of the view first
const HEIGHT: Record<string, number> = {case: 5, camera: 7, alarm: 10};
const SIGN_SIZE: Record<string, number> = {case: 26, camera: 30, alarm: 36};

export interface Shown {
  positions: boolean;
  tracks: boolean;
  cases: boolean;
  cameras: boolean;
  alarms: boolean;
}

/** How much larger a sign has to be made so that distance does not make it smaller. */
export type Scale = (at: number[]) => number;

export function unitLayers(units: Units, now: number, shown: Shown, selected: string | null, theme: Theme, scale: Scale, near: {center: number[]; radius: number}): Layer[] {
  const all: UnitNow[] = [];
  for (let i = 0; i < units.n; i++) all.push(units.at(i, now));
  const trails = shown.tracks ? units.trails(now, UNIT_COLORS.trail, near.center, near.radius) : {length: 0, from: new Float32Array(0), to: new Float32Array(0), colors: new Uint8Array(0)};
  const {atlas, mapping} = icons();
  const stateOf = (unit: UnitNow) => (unit.stale ? 'stale' : unit.state === 1 ? 'busy' : unit.state === 0 ? 'free' : 'other');
  const visible = shown.positions;
  return [
    new LineLayer({id: 'unit-trails', visible, pickable: false, getWidth: 5, widthMinPixels: 3, parameters: ON_TOP, data: {length: trails.length, attributes: {
      getSourcePosition: {value: trails.from, size: 3}, getTargetPosition: {value: trails.to, size: 3},
      getColor: {value: trails.colors, size: 4, normalized: true}}} as never}),
    new ScatterplotLayer<UnitNow>({id: 'unit-accuracy', visible, pickable: false, data: all.filter((u) => u.accuracy > 0), parameters: ON_TOP,
      getPosition: (u) => [u.x, u.y, 0.25], getRadius: (u) => u.accuracy, stroked: true, lineWidthUnits: 'pixels', getLineWidth: 1,
      getFillColor: (u) => [...UNIT_COLORS[stateOf(u)], 34], getLineColor: (u) => [...UNIT_COLORS[stateOf(u)], 150]}),
    new ScatterplotLayer<UnitNow>({id: 'unit-selected', visible, pickable: false, data: all.filter((u) => u.name === selected), parameters: ON_TOP,
      getPosition: (u) => [u.x, u.y, 0.3], getRadius: (u) => 21 * scale([u.x, u.y, 0]), radiusUnits: 'pixels', filled: false, stroked: true, lineWidthUnits: 'pixels',
      getLineWidth: 3, getLineColor: theme.outline}),
    new IconLayer<UnitNow>({id: 'units', visible, pickable: true, data: all, iconAtlas: atlas as never, iconMapping: mapping as never, billboard: false,
      getIcon: (u) => `unit-${stateOf(u)}${Number.isFinite(u.heading) ? '-facing' : ''}`, getPosition: (u) => [u.x, u.y, 0.4],
      getAngle: (u) => (Number.isFinite(u.heading) ? (u.heading * 180) / Math.PI : 0), getSize: (u) => 36 * scale([u.x, u.y, 0]), sizeUnits: 'pixels', alphaCutoff: 0.2, parameters: ON_TOP})];
}

export function unitLabels(units: Units, now: number, zoom: number, center: number[], ageWord: (seconds: number) => string): Label[] {
  if (zoom < NAMES_FROM_ZOOM) return [];
  const near: [number, UnitNow][] = [];
  for (let i = 0; i < units.n; i++) {
    const unit = units.at(i, now);
    if (unit.name) near.push([Math.hypot(unit.x - center[0], unit.y - center[1]), unit]);
  }
  near.sort((a, b) => a[0] - b[0]);
  return near.slice(0, NAMES_MOST).map(([, unit]) => ({text: unit.stale ? `${unit.name} · ${ageWord(unit.age)}` : unit.name,
    position: [unit.x, unit.y, 0.3], below: 20, priority: 150, size: 12}));
}

export function markLayers(marks: LiveMark[], shown: Shown, selected: string[], theme: Theme, scale: Scale): Layer[] {
  const drawn = marks.filter((mark) => shown[`${mark.kind}s` as keyof Shown] !== false);
  const {atlas, mapping} = icons();
  const chosen = new Set(selected);
  const top = (mark: LiveMark) => [mark.position[0], mark.position[1], HEIGHT[mark.kind] ?? 5];
  return [
    new LineLayer<LiveMark>({id: 'mark-stems', pickable: false, data: drawn, getSourcePosition: (m) => [m.position[0], m.position[1], 0] as never,
      getTargetPosition: (m) => top(m) as never, getColor: [70, 66, 60, 170], getWidth: 1.5, parameters: ON_TOP}),
    new ScatterplotLayer<LiveMark>({id: 'mark-selected', pickable: false, data: drawn.filter((m) => chosen.has(m.id)), parameters: ON_TOP, billboard: true,
      getPosition: (m) => top(m) as never, getRadius: (m) => 20 * scale(top(m)), radiusUnits: 'pixels', filled: false, stroked: true, lineWidthUnits: 'pixels',
      getLineWidth: 3, getLineColor: theme.outline}),
    new IconLayer<LiveMark>({id: 'marks', pickable: true, data: drawn, iconAtlas: atlas as never, iconMapping: mapping as never, parameters: ON_TOP,
      getIcon: (m) => (m.sign in mapping ? m.sign : 'camera-stale'), getPosition: (m) => top(m) as never,
      getSize: (m) => (SIGN_SIZE[m.kind] ?? 26) * scale(top(m)), sizeUnits: 'pixels', alphaCutoff: 0.2, updateTriggers: {getIcon: drawn}})];
}

export function markLabels(marks: LiveMark[], shown: Shown, zoom: number): Label[] {
  const from: Record<string, number> = {case: 1.4, camera: 0.9, alarm: -9};
  return marks.filter((m) => m.label && shown[`${m.kind}s` as keyof Shown] !== false && zoom >= (from[m.kind] ?? 0)).map((m) => ({
    text: m.label!, position: [m.position[0], m.position[1], HEIGHT[m.kind] ?? 5], below: (SIGN_SIZE[m.kind] ?? 26) / 2 + 9,
    priority: m.kind === 'alarm' ? 400 : m.kind === 'case' ? 140 : 130, size: m.kind === 'alarm' ? 14 : 12}));
}

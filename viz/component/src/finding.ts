// What is under the pointer, as (table, id), and the one line that is shown about it.
import type {PickingInfo} from '@deck.gl/core';
import type {Place} from './geometry_file';
import type {Live} from './live';
import type {People} from './people';
import type {LiveMark, Overlay, Point2, ThemeName} from './types';
import type {UnitNow} from './units';
import {ageWord, overlayWord, stateWord, tableWord} from './words';

export interface Found {
  table: string | null; // null for layers of a pydeck specification
  id: string | number | null;
  name: string | null;
  coordinate: number[] | null;
  x: number;
  y: number;
  layer: string;
  object: unknown;
}

interface Known {
  live: Live;
  place: Place | null;
  people: People;
  language?: string;
  ground: Point2 | null; // the ground under the pixel
}

export function found(info: PickingInfo, {place, people, live, language, ground}: Known): Found | null {
  if (!info.layer || info.index < 0) return null;
  const layer = info.layer.id;
  const common = {coordinate: ground ? [...ground, 0] : null, x: info.x, y: info.y, layer};
  if (layer === 'people' || layer === 'people-near') {
    if (info.index >= people.n) return null;
    const id = people.idAt(info.index), state = people.state[info.index];
    return {...common, table: 'people', id, name: stateWord(state, language), object: {id, state, speed: people.speed[info.index] * 0.02}};
  }
  if (layer === 'units') {
    if (info.index >= live.units.n) return null;
    const unit: UnitNow = live.units.at(info.index, performance.now());
    const sure = unit.accuracy > 0 ? ` · ±${Math.round(unit.accuracy)} m` : '';
    return {...common, table: 'units', id: unit.name, name: `${ageWord(unit.age, language)}${sure}`, object: {...unit}};
  }
  if (layer === 'marks') {
    const mark = info.object as LiveMark | undefined;
    return mark ? {...common, table: `${mark.kind}s`, id: mark.id, name: mark.line ?? mark.label ?? null, object: mark} : null;
  }
  if (layer.startsWith('overlay-')) {
    const overlay = (info.object as {overlay?: Overlay} | undefined)?.overlay;
    return overlay ? {...common, table: 'overlays', id: overlay.id, name: overlay.label ?? null, object: overlay} : null;
  }
  if (place && (layer === 'buildings' || layer === 'ground' || layer.startsWith('parts-'))) {
    if (info.index >= place.ids.length) return null;
    return {...common, table: place.tables[place.tableOf[info.index]], id: place.ids[info.index], name: place.names[info.index], object: null};
  }
  return {...common, table: null, id: (info.object as {id?: string} | undefined)?.id ?? null, name: null, object: info.object ?? null,
    coordinate: info.coordinate ? [...info.coordinate] : common.coordinate};
}

export function lineAbout(what: Found, language: string | undefined, theme: ThemeName | undefined): {text: string; style: object} {
  const word = what.table === 'overlays' ? overlayWord((what.object as Overlay).kind, language) : tableWord(what.table!, language);
  const dark = theme === 'dark';
  return {
    text: [word, what.name, what.id].filter((t) => t !== null && t !== '').join(' · '),
    style: {background: dark ? '#22272b' : '#fffdf9', color: dark ? '#ece9e3' : '#2b2926', fontSize: '13px', padding: '4px 8px',
      borderRadius: '4px', boxShadow: '0 1px 4px rgba(0,0,0,.25)', pointerEvents: 'none'}};
}

// The layers of the place itself: ground, shadows, buildings, parts, grid.
import type {Layer} from '@deck.gl/core';
import {LineLayer} from '@deck.gl/layers';
import type {Place} from './geometry_file';
import {PlaceMeshLayer} from './mesh_layer';
import {ModelsLayer} from './models_layer';
import type {Theme} from './theme';

const PAINTED = {depthCompare: 'always' as const, depthWriteEnabled: false};
const FRONT = 5; // wall of a tall building

interface Mesh {
  positions: Float32Array;
  indices: Uint32Array;
  objects: Float32Array;
}

/** The place's meshes with their colours in one theme. */
export interface DressedPlace {
  place: Place;
  theme: Theme;
  ground: Mesh;
  groundColors: Uint8Array;
  solids: Mesh;
  solidColors: Uint8Array;
  contact: Mesh;
  contactColors: Uint8Array;
  shadow: Mesh;
  shadowColors: Uint8Array;
}

export function dressed(place: Place, theme: Theme, before: DressedPlace | null): DressedPlace {
  const mesh = (given: {positions: Float32Array; indices: Uint32Array; objects?: Uint32Array}, object = 0xffffff): Mesh => ({
    positions: given.positions, indices: given.indices,
    objects: given.objects ? Float32Array.from(given.objects) : new Float32Array(given.positions.length / 3).fill(object)});
  const same = before?.place === place ? before : null;
  return {
    place, theme,
    ground: same?.ground ?? mesh(place.ground),
    solids: same?.solids ?? mesh(place.solids),
    contact: same?.contact ?? mesh(place.contact),
    shadow: same?.shadow ?? mesh(place.shadow),
    groundColors: painted(place.ground.classes, (k) => [...theme.ground[k], 255]),
    solidColors: solidColors(place, theme),
    contactColors: painted(place.contact.alphas, (a) => [theme.contact[0], theme.contact[1], theme.contact[2], (theme.contact[3] * a) / 255]),
    shadowColors: painted(new Uint8Array(place.shadow.positions.length / 3), () => theme.shadow)};
}

function painted(keys: Uint8Array, color: (key: number) => number[]): Uint8Array {
  const out = new Uint8Array(4 * keys.length);
  for (let i = 0; i < keys.length; i++) out.set(color(keys[i]), 4 * i);
  return out;
}

/** Each object is a little lighter or darker, warmer or cooler than its neighbour. */
function solidColors(place: Place, theme: Theme): Uint8Array {
  const {kinds, objects} = place.solids;
  const out = new Uint8Array(4 * kinds.length);
  for (let i = 0; i < kinds.length; i++) {
    const base = theme.solids[kinds[i]] ?? theme.solids[2];
    const hash = Math.imul(objects[i] + 1, 2654435761) >>> 0;
    const tone = 1 + (((hash & 255) / 255) - 0.5) * (kinds[i] === 4 ? 0.06 : 0.11);
    const warm = ((((hash >> 8) & 255) / 255) - 0.5) * 4;
    out[4 * i] = Math.min(base[0] * tone + warm, 255);
    out[4 * i + 1] = Math.min(base[1] * tone, 255);
    out[4 * i + 2] = Math.min(base[2] * tone - warm, 255);
    out[4 * i + 3] = kinds[i] === FRONT ? 250 : 255; // the shader draws storeys where it is not full
  }
  return out;
}

export function placeLayers(dress: DressedPlace, withParts: boolean, shown: (name: string) => boolean): {below: Layer[]; above: Layer[]} {
  const {place, theme} = dress;
  const flat = {lit: false, sky: 1, parameters: PAINTED};
  const segments = Array.from({length: place.gridSegments.length / 4}, (_, k) => place.gridSegments.subarray(4 * k, 4 * k + 4));
  const below: Layer[] = [
    new PlaceMeshLayer({...flat, id: 'ground', mesh: dress.ground, colors: dress.groundColors, pickable: true, visible: shown('ground')}),
    new LineLayer<Float32Array>({id: 'grid', data: segments, visible: shown('grid') && segments.length > 0,
      getSourcePosition: (d) => [d[0], d[1], 0] as never, getTargetPosition: (d) => [d[2], d[3], 0] as never, getColor: theme.grid,
      getWidth: 1.2, updateTriggers: {getColor: theme}, parameters: PAINTED})];
  const shadows: Layer[] = [
    new PlaceMeshLayer({...flat, id: 'shadow', mesh: dress.shadow, colors: dress.shadowColors, visible: shown('shadows')}),
    new PlaceMeshLayer({...flat, id: 'contact', mesh: dress.contact, colors: dress.contactColors, visible: shown('shadows')})];
  const above: Layer[] = [
    new PlaceMeshLayer({id: 'buildings', mesh: dress.solids, colors: dress.solidColors, lit: true, sky: theme.sky, pickable: true,
      visible: shown('buildings')}),
    ...place.parts.map((part) => new ModelsLayer({id: `parts-${part.model}`, mesh: place.models[part.model], part, tone: theme.tone, pickable: true,
      visible: withParts && shown('parts')}))];
  return {below: [...below, ...shadows], above};
}

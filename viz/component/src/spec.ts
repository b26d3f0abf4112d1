// pydeck specifications: layers and views from JSON, and the tooltips of dash-deck.
import {COORDINATE_SYSTEM, FirstPersonView, MapView, OrbitView, OrthographicView} from '@deck.gl/core';
import type {Layer, PickingInfo, View} from '@deck.gl/core';
import * as aggregation from '@deck.gl/aggregation-layers';
import * as extensions from '@deck.gl/extensions';
import * as geo from '@deck.gl/geo-layers';
import {JSONConverter} from '@deck.gl/json';
import * as basic from '@deck.gl/layers';
import * as meshes from '@deck.gl/mesh-layers';
import {registerLoaders, setLoaderOptions} from '@loaders.gl/core';
import {GLTFLoader} from '@loaders.gl/gltf';
import {OBJLoader} from '@loaders.gl/obj';
import type {SceneProps} from './types';

registerLoaders([GLTFLoader, OBJLoader]);
// Loaders would fetch their workers from elsewhere: everything stays on this page.
setLoaderOptions({worker: false, core: {worker: false}} as never);

const converter = new JSONConverter({configuration: {
  classes: {...basic, ...meshes, ...aggregation, ...geo, ...extensions, MapView, OrbitView, OrthographicView, FirstPersonView} as never,
  enumerations: {COORDINATE_SYSTEM: {
    ...COORDINATE_SYSTEM, IDENTITY: COORDINATE_SYSTEM.CARTESIAN, METER_OFFSETS: COORDINATE_SYSTEM.METER_OFFSETS}}
}});

export interface Spec {
  layers: Layer[];
  views: View[] | null;
  initialViewState: Record<string, unknown> | null;
}

// Up to deck.gl 9.2 coordinate systems were numbers; specifications written for those are understood.
const NUMBERED: Record<number, string> = {
  [-1]: COORDINATE_SYSTEM.DEFAULT, 0: COORDINATE_SYSTEM.CARTESIAN, 1: COORDINATE_SYSTEM.LNGLAT, 2: COORDINATE_SYSTEM.METER_OFFSETS,
  3: COORDINATE_SYSTEM.LNGLAT_OFFSETS};

function modern(layer: Record<string, unknown>): Record<string, unknown> {
  const system = layer.coordinateSystem;
  return typeof system === 'number' ? {...layer, coordinateSystem: NUMBERED[system]} : layer;
}

export function readSpec(data: SceneProps['data']): Spec {
  const json = typeof data === 'string' ? JSON.parse(data) : data;
  const {layers = [], views = null, initialViewState = null} = json ?? {};
  const converted = converter.convert({layers: layers.map(modern), views: views ?? []}) as {layers?: Layer[]; views?: View | View[]};
  const list = converted.views ? [converted.views].flat() : [];
  return {layers: (converted.layers ?? []).filter(Boolean), views: list.length ? list : null, initialViewState};
}

/** dash-deck's tooltip: `{column}` in the template is replaced by the value of the object under the pointer. */
export function tooltipOf(tooltip: SceneProps['tooltip'], info: PickingInfo): {html?: string; text?: string; style?: object} | null {
  if (!tooltip || !info.object) return null;
  if (tooltip === true) return {text: Object.entries(info.object).filter(([, v]) => typeof v !== 'object')
    .map(([k, v]) => `${k}: ${v}`).join('\n')};
  const values = {...(info.object.properties ?? {}), ...info.object};
  const filled = (template: string, safe: boolean) => template.replace(/\{([^}]+)\}/g, (_, key: string) => {
    const value = key.split('.').reduce((v, k) => v?.[k], values as any);
    return value === undefined ? '' : safe ? escaped(String(value)) : String(value);
  });
  return {
    ...(tooltip.html ? {html: filled(tooltip.html, true)} : {text: filled(tooltip.text ?? '', false)}),
    ...(tooltip.style ? {style: tooltip.style} : {})};
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

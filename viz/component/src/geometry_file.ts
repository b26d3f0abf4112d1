// The binary message of static geometry (viz/scene.py) as typed arrays.
import type {Label} from './types';

const MAGIC = 0x31435448; // "HTC1"
const DTYPES = {f4: Float32Array, u4: Uint32Array, u1: Uint8Array} as const;

export interface Part {
  model: string;
  xyz: Float32Array; // (n, 3) metres
  heading: Float32Array; // (n,) radians
  scale: Float32Array; // (n, 3): along, across, up
  objects: Uint32Array; // (n,)
}

export interface ModelMesh {
  positions: Float32Array;
  normals: Float32Array;
  colors: Uint8Array; // rgba
  indices: Uint32Array;
}

export interface Place {
  name: string;
  bounds: [number, number, number, number];
  ids: string[];
  names: string[];
  tables: string[];
  tableOf: Uint8Array;
  labels: Label[];
  solids: {positions: Float32Array; indices: Uint32Array; objects: Uint32Array; kinds: Uint8Array};
  ground: {positions: Float32Array; indices: Uint32Array; objects: Uint32Array; classes: Uint8Array};
  contact: {positions: Float32Array; indices: Uint32Array; alphas: Uint8Array};
  shadow: {positions: Float32Array; indices: Uint32Array};
  gridSegments: Float32Array; // (n, 4) x, y, x, y
  models: Record<string, ModelMesh>;
  parts: Part[];
}

export function readPlace(buffer: ArrayBuffer): Place {
  const head = new DataView(buffer);
  if (buffer.byteLength < 16 || head.getUint32(0, true) !== MAGIC) throw new Error('this is not a scene of Hutong');
  const headerLength = head.getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, headerLength)));
  const start = 16 + headerLength;
  const array = <K extends keyof typeof DTYPES>(name: string, dtype: K): InstanceType<(typeof DTYPES)[K]> => {
    const entry = header.arrays[name];
    if (!entry) return new DTYPES[dtype](0) as InstanceType<(typeof DTYPES)[K]>;
    return new DTYPES[dtype](buffer, start + entry.offset, entry.length) as InstanceType<(typeof DTYPES)[K]>;
  };
  const models: Record<string, ModelMesh> = {};
  for (const name of header.models as string[]) {
    models[name] = {
      positions: array(`model.${name}.positions`, 'f4'), normals: array(`model.${name}.normals`, 'f4'),
      colors: array(`model.${name}.colors`, 'u1'), indices: array(`model.${name}.faces`, 'u4')};
  }
  return {
    name: header.name, bounds: header.bounds, ids: header.ids, names: header.names, tables: header.tables,
    tableOf: array('objects.table', 'u1'), labels: header.labels, models,
    solids: {positions: array('solids.positions', 'f4'), indices: array('solids.faces', 'u4'),
             objects: array('solids.objects', 'u4'), kinds: array('solids.kinds', 'u1')},
    ground: {positions: array('ground.positions', 'f4'), indices: array('ground.faces', 'u4'),
             objects: array('ground.objects', 'u4'), classes: array('ground.classes', 'u1')},
    contact: {positions: array('contact.positions', 'f4'), indices: array('contact.faces', 'u4'),
              alphas: array('contact.alphas', 'u1')},
    shadow: {positions: array('shadow.positions', 'f4'), indices: array('shadow.faces', 'u4')},
    gridSegments: array('grid.segments', 'f4'),
    parts: (header.parts as string[]).map((name) => ({
      model: name, xyz: array(`parts.${name}.xyz`, 'f4'), heading: array(`parts.${name}.heading`, 'f4'),
      scale: array(`parts.${name}.scale`, 'f4'), objects: array(`parts.${name}.objects`, 'u4')}))
  };
}

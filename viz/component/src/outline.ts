// The outline of what is selected: the edges where its faces end or turn.
interface Mesh {
  positions: Float32Array;
  indices: Uint32Array;
  objects: ArrayLike<number>;
}

const CREASE = Math.cos((28 * Math.PI) / 180);

export interface Segment {
  from: [number, number, number];
  to: [number, number, number];
}

/** Segments of the edges of an object in a mesh; `size` is 2 for flat meshes, 3 else. */
export function edgesOf(mesh: Mesh, object: number, size: 2 | 3 = 3): Segment[] {
  const {positions, indices, objects} = mesh;
  const at = (v: number): [number, number, number] =>
    [positions[3 * v], positions[3 * v + 1], size === 3 ? positions[3 * v + 2] : 0.05];
  const key = (p: number[]) => `${Math.round(p[0] * 100)},${Math.round(p[1] * 100)},${Math.round(p[2] * 100)}`;
  const edges = new Map<string, {segment: Segment; normals: number[][]}>();
  for (let f = 0; f < indices.length; f += 3) {
    if (objects[indices[f]] !== object) continue;
    const corners = [at(indices[f]), at(indices[f + 1]), at(indices[f + 2])];
    const normal = normalOf(corners);
    if (!normal) continue;
    for (let k = 0; k < 3; k++) {
      const a = corners[k], b = corners[(k + 1) % 3];
      const ka = key(a), kb = key(b);
      if (ka === kb) continue;
      const name = ka < kb ? `${ka}|${kb}` : `${kb}|${ka}`;
      const known = edges.get(name);
      if (known) known.normals.push(normal);
      else edges.set(name, {segment: {from: a, to: b}, normals: [normal]});
    }
  }
  return [...edges.values()].filter(({normals}) => normals.length === 1 || normals.some((n) =>
    Math.abs(n[0] * normals[0][0] + n[1] * normals[0][1] + n[2] * normals[0][2]) < CREASE)).map(({segment}) => segment);
}

function normalOf([a, b, c]: number[][]): number[] | null {
  const u = [b[0] - a[0], b[1] - a[1], b[2] - a[2]], v = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
  const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  const length = Math.hypot(n[0], n[1], n[2]);
  return length > 1e-9 ? n.map((x) => x / length) : null;
}

/** A ring on the ground around a point. */
export function ringAround(x: number, y: number, radius: number, z = 0.1): Segment[] {
  const corner = (k: number): [number, number, number] =>
    [x + radius * Math.cos((k * Math.PI) / 12), y + radius * Math.sin((k * Math.PI) / 12), z];
  return Array.from({length: 24}, (_, k) => ({from: corner(k), to: corner(k + 1)}));
}

// A low-poly walker, 1.7 m tall, facing +x: boxes for legs, trunk, arms and head.
interface WalkerMesh {
  positions: Float32Array;
  normals: Float32Array;
  tints: Uint8Array; // rgb, and in alpha how much of the person's own colour shows
  limbs: Float32Array; // -1 or 1 for what swings
  indices: Uint32Array;
}

let made: WalkerMesh | null = null;

export function walker(): WalkerMesh {
  if (made) return made;
  const positions: number[] = [], normals: number[] = [], tints: number[] = [], limbs: number[] = [], indices: number[] = [];

  // A box that tapers: half sizes at the bottom and at the top.
  const box = (center: number[], low: number[], high: number[], z0: number, z1: number, tint: number[], limb = 0) => {
    const corner = (half: number[], z: number) => [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(
      ([a, b]) => [center[0] + a * half[0], center[1] + b * half[1], z]);
    const bottom = corner(low, z0), top = corner(high, z1);
    const faces: [number[][], number[]][] = [
      [[bottom[0], bottom[1], top[1], top[0]], [0, -1, 0]], [[bottom[1], bottom[2], top[2], top[1]], [1, 0, 0]],
      [[bottom[2], bottom[3], top[3], top[2]], [0, 1, 0]], [[bottom[3], bottom[0], top[0], top[3]], [-1, 0, 0]],
      [top, [0, 0, 1]]];
    for (const [quad, normal] of faces) {
      const base = positions.length / 3;
      for (const p of quad) {
        positions.push(...p);
        normals.push(...normal);
        tints.push(...tint);
        limbs.push(p[2] === z0 ? limb : 0);
      }
      indices.push(base, base + 1, base + 2, base, base + 2, base + 3);
    }
  };
  const trousers = [62, 64, 72, 90], coat = [255, 255, 255, 255], skin = [214, 176, 148, 0], hair = [44, 40, 38, 0];
  box([0, 0.1], [0.09, 0.07], [0.09, 0.09], 0, 0.85, trousers, 1);
  box([0, -0.1], [0.09, 0.07], [0.09, 0.09], 0, 0.85, trousers, -1);
  box([0, 0], [0.12, 0.19], [0.13, 0.22], 0.82, 1.42, coat);
  box([0, 0.27], [0.05, 0.05], [0.06, 0.06], 0.8, 1.4, coat, -0.6);
  box([0, -0.27], [0.05, 0.05], [0.06, 0.06], 0.8, 1.4, coat, 0.6);
  box([0.01, 0], [0.08, 0.07], [0.1, 0.09], 1.44, 1.6, skin);
  box([-0.01, 0], [0.11, 0.1], [0.08, 0.07], 1.6, 1.72, hair);
  made = {
    positions: Float32Array.from(positions), normals: Float32Array.from(normals), tints: Uint8Array.from(tints),
    limbs: Float32Array.from(limbs), indices: Uint32Array.from(indices)};
  return made;
}

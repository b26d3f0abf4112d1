// People: points from afar, low-poly walkers from near by. Both move on the graphics card between two frames.
import {Layer, picking, project32} from '@deck.gl/core';
import type {LayerProps, UpdateParameters} from '@deck.gl/core';
import type {Buffer, Device} from '@luma.gl/core';
import {Geometry, Model} from '@luma.gl/engine';
import type {People} from './people';
import {walker} from './walker';

const block = `layout(std140) uniform peopleUniforms {
  float share;
  float size;
  float radius;
  float clock;
  vec2 center;
} people;
`;
const peopleModule = {
  name: 'people', vs: block, fs: block,
  uniformTypes: {share: 'f32', size: 'f32', radius: 'f32', clock: 'f32', center: 'vec2<f32>'}
} as const;

const POINT_VS = `#version 300 es
#define SHADER_NAME people-points-vertex
in vec2 froms;
in vec2 tos;
in vec4 colors;
in float indexes;
out vec4 vColor;
void main() {
  vec2 at = mix(froms, tos, people.share);
  vec3 world = vec3(at, 0.9);
  geometry.worldPosition = world;
  geometry.pickingColor = picking_getPickingColorFromIndex(indexes);
  vec4 common_position;
  gl_Position = project_position_to_clipspace(world, vec3(0.0), vec3(0.0), common_position);
  geometry.position = common_position;
  DECKGL_FILTER_GL_POSITION(gl_Position, geometry);
  if (distance(at, people.center) < people.radius) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  float pixels = project_size_to_pixel(people.size) * project.focalDistance / gl_Position.w;
  gl_PointSize = clamp(pixels, 3.0, 18.0) * project.devicePixelRatio;
  vColor = colors;
  DECKGL_FILTER_COLOR(vColor, geometry);
}`;
const POINT_FS = `#version 300 es
#define SHADER_NAME people-points-fragment
precision highp float;
in vec4 vColor;
out vec4 fragColor;
void main() {
  vec2 q = gl_PointCoord - 0.5;
  float r = dot(q, q) * 4.0;
  if (r > 1.0) discard;
  fragColor = vec4(vColor.rgb * (r > 0.62 ? 0.72 : 1.0), vColor.a);
  DECKGL_FILTER_COLOR(fragColor, geometry);
}`;

// `limbs` says how far a vertex swings: feet and hands, in opposite phase on the two sides.
const WALKER_VS = `#version 300 es
#define SHADER_NAME people-walkers-vertex
in vec3 positions;
in vec3 normals;
in vec4 tints;
in float limbs;
in vec2 froms;
in vec2 tos;
in float headings;
in vec4 colors;
in float indexes;
out vec4 vColor;
const vec3 SUN = vec3(-0.52, -0.48, 0.71);
void main() {
  vec2 at = mix(froms, tos, people.share);
  float moving = clamp(length(tos - froms) * 4.0, 0.0, 1.0) * step(people.share, 0.999);
  float build = 0.93 + 0.14 * fract(indexes * 0.618);
  vec3 p = positions * build;
  p.x += limbs * moving * 0.3 * sin(people.clock * 7.0 + indexes);
  float c = cos(headings), s = sin(headings);
  mat3 turn = mat3(c, s, 0.0, -s, c, 0.0, 0.0, 0.0, 1.0);
  vec3 world = vec3(at, 0.0) + turn * p;
  vec3 n = turn * normals;
  geometry.worldPosition = world;
  geometry.pickingColor = picking_getPickingColorFromIndex(indexes);
  vec4 common_position;
  gl_Position = project_position_to_clipspace(world, vec3(0.0), vec3(0.0), common_position);
  geometry.position = common_position;
  DECKGL_FILTER_GL_POSITION(gl_Position, geometry);
  float light = 0.66 * mix(0.8, 1.06, 0.5 + 0.5 * n.z) + 0.44 * max(dot(n, SUN), 0.0);
  vColor = vec4(mix(tints.rgb, colors.rgb, tints.a) * light, 1.0);
  DECKGL_FILTER_COLOR(vColor, geometry);
}`;
const WALKER_FS = `#version 300 es
#define SHADER_NAME people-walkers-fragment
precision highp float;
in vec4 vColor;
out vec4 fragColor;
void main() {
  fragColor = vColor;
  DECKGL_FILTER_COLOR(fragColor, geometry);
}`;

export interface Near {
  center: [number, number];
  radius: number; // metres around the centre in which walkers are drawn; 0 for points only
}

export interface PeopleProps extends LayerProps {
  people: People;
  version: number;
  near: Near;
}

const MOST_WALKERS = 5000;

abstract class PeopleLayer extends Layer<PeopleProps> {
  static layerName = 'PeopleLayer';
  declare state: {model?: Model; buffers?: Record<string, Buffer>; room?: number};

  initializeState() {
    this.getAttributeManager()?.remove(['instancePickingColors']);
  }

  updateState(params: UpdateParameters<this>) {
    super.updateState(params);
    const {props, oldProps, changeFlags} = params;
    if (!this.state.model || changeFlags.extensionsChanged || props.people !== oldProps.people
        || props.version !== oldProps.version || props.near !== oldProps.near) this.load();
  }

  /** Buffers for n people, made again only when more come than there is room for. */
  protected reserve(n: number, widths: Record<string, number>): Record<string, Buffer> {
    const {room = 0, buffers} = this.state;
    if (buffers && room >= n) return buffers;
    const next = Math.max(256, Math.ceil(n * 1.3));
    this.release();
    const made: Record<string, Buffer> = {};
    for (const [name, width] of Object.entries(widths)) {
      made[name] = this.context.device.createBuffer({byteLength: next * width});
    }
    made.indexes.write(Float32Array.from({length: next}, (_, i) => i));
    this.setState({buffers: made, room: next, model: this.model(this.context.device, made)});
    return made;
  }

  protected abstract model(device: Device, buffers: Record<string, Buffer>): Model;
  protected abstract load(): void;

  release() {
    this.state.model?.destroy();
    Object.values(this.state.buffers ?? {}).forEach((buffer) => buffer.destroy());
    this.setState({model: undefined, buffers: undefined, room: 0});
  }

  finalizeState(context: this['context']) {
    this.release();
    super.finalizeState(context);
  }

  draw() {
    const {model} = this.state;
    if (!model) return;
    const now = performance.now();
    const {people, near} = this.props;
    const share = people.share(now);
    model.shaderInputs.setProps({people: {
      share, size: 0.9, radius: near.radius, center: near.center, clock: (now / 1000) % 3600}});
    model.draw(this.context.renderPass);
    if (share < 1) this.setNeedsRedraw();
  }
}

export class PeoplePointsLayer extends PeopleLayer {
  static layerName = 'PeoplePointsLayer';

  getShaders() {
    return super.getShaders({vs: POINT_VS, fs: POINT_FS, modules: [project32, picking, peopleModule]});
  }

  protected model(device: Device, buffers: Record<string, Buffer>): Model {
    return new Model(device, {
      ...this.getShaders(), id: this.props.id, topology: 'point-list', isInstanced: false, vertexCount: 0,
      bufferLayout: [
        {name: 'froms', format: 'float32x2'}, {name: 'tos', format: 'float32x2'},
        {name: 'colors', format: 'unorm8x4'}, {name: 'indexes', format: 'float32'}],
      attributes: buffers});
  }

  protected load() {
    const {people} = this.props;
    const buffers = this.reserve(people.n, {froms: 8, tos: 8, colors: 4, indexes: 4});
    if (people.n) {
      buffers.froms.write(people.from);
      buffers.tos.write(people.to);
      buffers.colors.write(people.color);
    }
    this.state.model!.setVertexCount(people.n);
  }
}

export class WalkersLayer extends PeopleLayer {
  static layerName = 'WalkersLayer';
  private walkers = 0;

  // Deck asks this to set the model's instance count.
  getNumInstances() {
    return this.walkers;
  }

  getShaders() {
    return super.getShaders({vs: WALKER_VS, fs: WALKER_FS, modules: [project32, picking, peopleModule]});
  }

  protected model(device: Device, buffers: Record<string, Buffer>): Model {
    const mesh = walker();
    return new Model(device, {
      ...this.getShaders(), id: this.props.id, isInstanced: true, instanceCount: 0,
      bufferLayout: [
        {name: 'froms', format: 'float32x2', stepMode: 'instance'},
        {name: 'tos', format: 'float32x2', stepMode: 'instance'},
        {name: 'headings', format: 'float32', stepMode: 'instance'},
        {name: 'colors', format: 'unorm8x4', stepMode: 'instance'},
        {name: 'indexes', format: 'float32', stepMode: 'instance'}],
      attributes: buffers,
      geometry: new Geometry({
        topology: 'triangle-list', vertexCount: mesh.indices.length, indices: {value: mesh.indices, size: 1},
        attributes: {
          positions: {value: mesh.positions, size: 3}, normals: {value: mesh.normals, size: 3},
          tints: {value: mesh.tints, size: 4, normalized: true} as never, limbs: {value: mesh.limbs, size: 1}}})});
  }

  /** Only those near the camera's target are loaded. */
  protected load() {
    const {people, near} = this.props;
    const chosen: number[] = [];
    const [cx, cy] = near.center;
    const reach = near.radius * near.radius;
    for (let i = 0; reach > 0 && i < people.n && chosen.length < MOST_WALKERS; i++) {
      const dx = people.to[2 * i] - cx, dy = people.to[2 * i + 1] - cy;
      if (dx * dx + dy * dy < reach) chosen.push(i);
    }
    const n = chosen.length;
    const buffers = this.reserve(n, {froms: 8, tos: 8, headings: 4, colors: 4, indexes: 4});
    if (n) {
      const froms = new Float32Array(2 * n), tos = new Float32Array(2 * n);
      const headings = new Float32Array(n), colors = new Uint32Array(n), indexes = new Float32Array(n);
      chosen.forEach((i, k) => {
        froms[2 * k] = people.from[2 * i];
        froms[2 * k + 1] = people.from[2 * i + 1];
        tos[2 * k] = people.to[2 * i];
        tos[2 * k + 1] = people.to[2 * i + 1];
        headings[k] = people.heading[i];
        colors[k] = people.color[i];
        indexes[k] = i;
      });
      buffers.froms.write(froms);
      buffers.tos.write(tos);
      buffers.headings.write(headings);
      buffers.colors.write(colors);
      buffers.indexes.write(indexes);
    }
    this.walkers = n;
    this.state.model!.setInstanceCount(n);
  }
}

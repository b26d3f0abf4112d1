// Many copies of one small mesh: lamps, trees, hydrants. Each has a place, a heading and a scale.
import {Layer, picking, project32} from '@deck.gl/core';
import type {LayerProps, UpdateParameters} from '@deck.gl/core';
import type {Buffer} from '@luma.gl/core';
import {Geometry, Model} from '@luma.gl/engine';
import type {ModelMesh, Part} from './geometry_file';

const block = `layout(std140) uniform standingUniforms {
  float tone;
} standing;
`;
const standing = {name: 'standing', vs: block, uniformTypes: {tone: 'f32'}} as const;

const VS = `#version 300 es
#define SHADER_NAME models-vertex
in vec3 positions;
in vec3 normals;
in vec4 colors;
in vec3 places;
in float headings;
in vec3 scales;
in float objects;
out vec4 vColor;
const vec3 SUN = vec3(-0.52, -0.48, 0.71);
void main() {
  float c = cos(headings), s = sin(headings);
  mat3 turn = mat3(c, s, 0.0, -s, c, 0.0, 0.0, 0.0, 1.0);
  vec3 world = places + turn * (positions * scales);
  vec3 n = normalize(turn * (normals / scales));
  geometry.worldPosition = world;
  geometry.pickingColor = picking_getPickingColorFromIndex(objects);
  vec4 common_position;
  gl_Position = project_position_to_clipspace(world, vec3(0.0), vec3(0.0), common_position);
  geometry.position = common_position;
  DECKGL_FILTER_GL_POSITION(gl_Position, geometry);
  float light = 0.68 * mix(0.84, 1.06, 0.5 + 0.5 * n.z) + 0.42 * max(dot(n, SUN), 0.0);
  vColor = vec4(colors.rgb * light * standing.tone, colors.a);
  DECKGL_FILTER_COLOR(vColor, geometry);
}`;

const FS = `#version 300 es
#define SHADER_NAME models-fragment
precision highp float;
in vec4 vColor;
out vec4 fragColor;
void main() {
  fragColor = vColor;
  DECKGL_FILTER_COLOR(fragColor, geometry);
}`;

export interface ModelsProps extends LayerProps {
  mesh: ModelMesh;
  part: Part;
  tone: number; // 1 as they are, less in the dark
}

export class ModelsLayer extends Layer<ModelsProps> {
  static layerName = 'ModelsLayer';
  declare state: {model?: Model; buffers?: Buffer[]};

  getShaders() {
    return super.getShaders({vs: VS, fs: FS, modules: [project32, picking, standing]});
  }

  // Deck asks this to set the model's instance count.
  getNumInstances() {
    return this.props.part.heading.length;
  }

  initializeState() {
    this.getAttributeManager()?.remove(['instancePickingColors']);
  }

  updateState(params: UpdateParameters<this>) {
    super.updateState(params);
    const {props, oldProps, changeFlags} = params;
    if (props.mesh === oldProps.mesh && props.part === oldProps.part && !changeFlags.extensionsChanged) return;
    this.release();
    const {device} = this.context;
    const {mesh, part} = props;
    const places = device.createBuffer({data: part.xyz});
    const headings = device.createBuffer({data: part.heading});
    const scales = device.createBuffer({data: part.scale});
    const objects = device.createBuffer({data: Float32Array.from(part.objects)});
    const model = new Model(device, {
      ...this.getShaders(), id: props.id, isInstanced: true,
      bufferLayout: [
        {name: 'places', format: 'float32x3', stepMode: 'instance'},
        {name: 'headings', format: 'float32', stepMode: 'instance'},
        {name: 'scales', format: 'float32x3', stepMode: 'instance'},
        {name: 'objects', format: 'float32', stepMode: 'instance'}],
      attributes: {places, headings, scales, objects},
      geometry: new Geometry({
        topology: 'triangle-list', vertexCount: mesh.indices.length, indices: {value: mesh.indices, size: 1},
        attributes: {
          positions: {value: mesh.positions, size: 3}, normals: {value: mesh.normals, size: 3},
          colors: {value: mesh.colors, size: 4, normalized: true} as never}})});
    this.setState({model, buffers: [places, headings, scales, objects]});
  }

  release() {
    this.state.model?.destroy();
    this.state.buffers?.forEach((buffer) => buffer.destroy());
  }

  finalizeState(context: this['context']) {
    this.release();
    super.finalizeState(context);
  }

  draw() {
    const {model} = this.state;
    if (!model) return;
    model.shaderInputs.setProps({standing: {tone: this.props.tone}});
    model.draw(this.context.renderPass);
  }
}

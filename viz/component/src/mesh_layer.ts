// One triangle mesh in one draw call: a colour and an object number a vertex, lit by one sun or flat.
import {Layer, picking, project32} from '@deck.gl/core';
import type {LayerProps, UpdateParameters} from '@deck.gl/core';
import {Geometry, Model} from '@luma.gl/engine';

// luma.gl reads the fields of the block line by line.
const block = `layout(std140) uniform placeUniforms {
  float lit;
  float sky;
} place;
`;
const place = {
  name: 'place', vs: block, fs: block,
  uniformTypes: {lit: 'f32', sky: 'f32'}
} as const;

const VS = `#version 300 es
#define SHADER_NAME place-vertex
in vec3 positions;
in vec4 colors;
in float objects;
out vec4 vColor;
out vec3 vCommon;
out vec3 vLocal;
void main() {
  geometry.worldPosition = positions;
  geometry.pickingColor = picking_getPickingColorFromIndex(objects);
  vec4 common_position;
  gl_Position = project_position_to_clipspace(positions, vec3(0.0), vec3(0.0), common_position);
  geometry.position = common_position;
  DECKGL_FILTER_GL_POSITION(gl_Position, geometry);
  vCommon = common_position.xyz;
  vLocal = positions;
  vColor = colors;
  DECKGL_FILTER_COLOR(vColor, geometry);
}`;

// Flat faces: the normal comes from the derivatives. Walls darken towards the ground where they touch it; sloping
// roofs carry rows of tiles that fade out before they flicker.
const FS = `#version 300 es
#define SHADER_NAME place-fragment
precision highp float;
in vec4 vColor;
in vec3 vCommon;
in vec3 vLocal;
out vec4 fragColor;
const vec3 SUN = vec3(-0.52, -0.48, 0.71);
void main() {
  vec3 color = vColor.rgb;
  if (place.lit > 0.5) {
    vec3 n = normalize(cross(dFdx(vCommon), dFdy(vCommon)));
    if (n.z < -0.01) n = -n;
    float sun = max(dot(n, SUN), 0.0);
    float up = 0.5 + 0.5 * n.z;
    float light = place.sky * mix(0.86, 1.08, up) + (1.0 - place.sky) * 1.32 * sun;
    vec3 tint = mix(vec3(0.94, 0.97, 1.05), vec3(1.04, 1.0, 0.95), sun);
    color *= light * tint;
    if (abs(n.z) < 0.3) color *= mix(0.74, 1.0, smoothstep(0.0, 1.4, vLocal.z));
    if (vColor.a < 0.99 && abs(n.z) < 0.3 && vLocal.z > 3.8) { // tall fronts: a band of windows a storey
      float storey = fract((vLocal.z - 3.8) / 3.4);
      float soft = fwidth(vLocal.z / 3.4) + 0.02;
      float band = smoothstep(0.22, 0.22 + soft, storey) * (1.0 - smoothstep(0.68, 0.68 + soft, storey));
      color = mix(color, color * vec3(0.74, 0.79, 0.84), band * (1.0 - smoothstep(0.25, 0.7, soft)));
    }
    if (n.z > 0.5 && n.z < 0.995) {
      vec2 along = normalize(vec2(-n.y, n.x));
      float u = dot(vLocal.xy, along) / 0.42;
      float w = fwidth(u);
      float tile = smoothstep(0.30, 0.5, abs(fract(u) - 0.5));
      color *= 1.0 - 0.16 * tile * (1.0 - smoothstep(0.2, 0.6, w));
    }
  }
  fragColor = vec4(color, place.lit > 0.5 ? 1.0 : vColor.a);
  DECKGL_FILTER_COLOR(fragColor, geometry);
}`;

export interface MeshProps extends LayerProps {
  mesh: {positions: Float32Array; indices: Uint32Array; objects: Float32Array};
  colors: Uint8Array; // rgba a vertex
  lit: boolean;
  sky: number;
}

export class PlaceMeshLayer extends Layer<MeshProps> {
  static layerName = 'PlaceMeshLayer';
  declare state: {model?: Model};

  getShaders() {
    return super.getShaders({vs: VS, fs: FS, modules: [project32, picking, place]});
  }

  initializeState() {
    this.getAttributeManager()?.remove(['instancePickingColors']);
  }

  updateState(params: UpdateParameters<this>) {
    super.updateState(params);
    const {props, oldProps, changeFlags} = params;
    if (props.mesh !== oldProps.mesh || props.colors !== oldProps.colors || changeFlags.extensionsChanged) {
      this.state.model?.destroy();
      const {positions, indices, objects} = props.mesh;
      this.setState({model: new Model(this.context.device, {
        ...this.getShaders(), id: props.id, isInstanced: false,
        geometry: new Geometry({
          topology: 'triangle-list', vertexCount: indices.length, indices: {value: indices, size: 1},
          attributes: {
            positions: {value: positions, size: 3},
            colors: {value: props.colors, size: 4, normalized: true} as never,
            objects: {value: objects, size: 1}}})})});
    }
  }

  finalizeState(context: this['context']) {
    this.state.model?.destroy();
    super.finalizeState(context);
  }

  draw() {
    const {model} = this.state;
    if (!model) return;
    model.shaderInputs.setProps({place: {lit: this.props.lit ? 1 : 0, sky: this.props.sky}});
    model.draw(this.context.renderPass);
  }
}

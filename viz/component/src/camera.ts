// The orbiting camera: pans on the ground, zooms to the pointer, stays above ground and near the district.
import {LinearInterpolator, OrbitController} from '@deck.gl/core';
import type {Viewport} from '@deck.gl/core';
import type {Point2, Point3, ViewState} from './types';

export const LIMITS = {minRotationX: 8, maxRotationX: 90, minZoom: -4, maxZoom: 6.5};
export const HOME: ViewState = {target: [0, 0, 0], zoom: 0, rotationX: 42, rotationOrbit: -18};
const FLIGHT_MS = 650;
const INTERPOLATOR = new LinearInterpolator(['target', 'zoom', 'rotationX', 'rotationOrbit']);

/** Where the line of sight through a pixel meets the ground; null above the horizon. */
export function groundAt(viewport: Viewport, pixel: number[], z = 0): Point3 | null {
  const near = viewport.unproject([pixel[0], pixel[1], -1]);
  const far = viewport.unproject([pixel[0], pixel[1], 0.9]);
  const share = (z - near[2]) / (far[2] - near[2]);
  if (!Number.isFinite(share) || share <= 0) return null;
  return [near[0] + (far[0] - near[0]) * share, near[1] + (far[1] - near[1]) * share, z];
}

/** Deck's orbit controller, with the ground in the hand: what the pointer grabbed stays under the pointer. */
export class GroundController extends OrbitController {
  constructor(options: ConstructorParameters<typeof OrbitController>[0]) {
    super(options);
    const Base = (this as any).ControllerState;
    class GroundState extends Base {
      _unproject(pos: number[]) {
        return groundAt(this.makeViewport(this.getViewportProps()), pos);
      }

      pan({pos, startPosition}: {pos: number[]; startPosition?: number[]}) {
        const grabbed = this.getState().startPanPosition ?? startPosition;
        const now = this._unproject(pos);
        if (!grabbed || !now) return this;
        const {target, zoom, height} = this.getViewportProps();
        const farthest = (4 * height) / 2 ** zoom;
        const shift = [grabbed[0] - now[0], grabbed[1] - now[1]];
        const length = Math.hypot(shift[0], shift[1]);
        const share = length > farthest ? farthest / length : 1;
        return this._getUpdatedState({target: [target[0] + shift[0] * share, target[1] + shift[1] * share, 0]});
      }

      zoom({pos, startPos, scale}: {pos: number[]; startPos?: number[]; scale: number}) {
        const state = this.getState();
        const props = this.getViewportProps();
        const anchor = state.startZoomPosition ?? this._unproject(startPos ?? pos) ?? props.target;
        const zoom = this._calculateNewZoom({scale, startZoom: state.startZoomPosition ? state.startZoom : props.zoom});
        const shrink = 2 ** (props.zoom - zoom);
        const target = props.target.map((c: number, k: number) => k < 2 ? anchor[k] + (c - anchor[k]) * shrink : 0);
        return this._getUpdatedState({zoom, target});
      }
    }
    (this as any).ControllerState = GroundState;
  }
}

/** The view within the limits: on the ground, and not more than half the district's size beside it. */
export function limited(view: ViewState, bounds: [number, number, number, number] | null): ViewState {
  const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);
  let [x, y] = view.target;
  if (bounds) {
    const [west, south, east, north] = bounds;
    const mx = (east - west) / 2, my = (north - south) / 2;
    x = clamp(x, west - mx, east + mx);
    y = clamp(y, south - my, north + my);
  }
  const turn = ((((view.rotationOrbit + 180) % 360) + 360) % 360) - 180;
  return {
    ...view, target: [x, y, 0], zoom: clamp(view.zoom, LIMITS.minZoom, LIMITS.maxZoom), rotationOrbit: turn,
    rotationX: clamp(view.rotationX, LIMITS.minRotationX, LIMITS.maxRotationX)};
}

/** The view that shows these bounds in a canvas of this size. */
export function fitted(bounds: [number, number, number, number], size: Point2, from: Partial<ViewState> = {}): ViewState {
  const [west, south, east, north] = bounds;
  const view = {...HOME, ...from};
  const turn = (view.rotationOrbit * Math.PI) / 180;
  const wide = Math.abs((east - west) * Math.cos(turn)) + Math.abs((north - south) * Math.sin(turn));
  const deep = Math.abs((east - west) * Math.sin(turn)) + Math.abs((north - south) * Math.cos(turn));
  const tilt = Math.max(Math.sin((view.rotationX * Math.PI) / 180), 0.35);
  const zoom = Math.log2(Math.min((size[0] * 0.8) / Math.max(wide, 10), (size[1] * 0.82) / Math.max(deep * tilt, 10)));
  return {...view, target: [(west + east) / 2, (south + north) / 2, 0], zoom: Math.min(zoom, 4.5)};
}

/** The same view with the transition that flies there. */
export function flight(view: ViewState, milliseconds = FLIGHT_MS): ViewState & Record<string, unknown> {
  return {...view, transitionDuration: milliseconds, transitionInterpolator: INTERPOLATOR,
    transitionEasing: (t: number) => t * t * (3 - 2 * t)};
}

/** What a key does to the view, or null if it is not the camera's. */
export function keyed(key: string, shift: boolean, view: ViewState): ViewState | null {
  const step = 90 / 2 ** view.zoom;
  const turn = (view.rotationOrbit * Math.PI) / 180;
  const move = (right: number, up: number): ViewState => ({...view, target: [
    view.target[0] + step * (right * Math.cos(turn) + up * Math.sin(turn)),
    view.target[1] + step * (up * Math.cos(turn) - right * Math.sin(turn)), 0]});
  switch (key) {
    case 'ArrowLeft': return shift ? {...view, rotationOrbit: view.rotationOrbit - 15} : move(-1, 0);
    case 'ArrowRight': return shift ? {...view, rotationOrbit: view.rotationOrbit + 15} : move(1, 0);
    case 'ArrowUp': return shift ? {...view, rotationX: view.rotationX + 8} : move(0, 1);
    case 'ArrowDown': return shift ? {...view, rotationX: view.rotationX - 8} : move(0, -1);
    case '+': case '=': return {...view, zoom: view.zoom + 0.5};
    case '-': case '_': return {...view, zoom: view.zoom - 0.5};
    case 'n': case 'N': return {...view, rotationOrbit: 0};
    case 't': case 'T': return {...view, rotationX: view.rotationX > 85 ? HOME.rotationX : 90};
    default: return null;
  }
}

/** Where the eye is [m]. */
export function eyeOf(viewport: Viewport): Point3 {
  return [...viewport.cameraPosition] as Point3;
}

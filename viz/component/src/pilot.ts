// Who flies the camera: keeps the view within its limits, flies, follows, and takes linked scenes along.
import type {Deck} from '@deck.gl/core';
import {HOME, fitted, flight, keyed, limited} from './camera';
import type {Near} from './people_layer';
import type {Point2, ViewState} from './types';

type Bounds = [number, number, number, number];

/** What the scene does when the camera has moved. */
export interface Aboard {
  size(): Point2;
  moved(): void;
  rested(view: ViewState): void;
}

const REST_MS = 700;
const WALKERS_FROM_ZOOM = 2.6;
const SIDES: Partial<ViewState>[] = [
  {}, {rotationOrbit: 0}, {rotationOrbit: 90}, {rotationOrbit: 180}, {rotationOrbit: -90}, {rotationX: 90, rotationOrbit: 0}];
const groups = new Map<string, Set<Pilot>>();

export class Pilot {
  view: ViewState;
  bounds: Bounds | null = null;
  near: Near = {center: [0, 0], radius: 0}; // where walkers are drawn instead of points
  private deck: Deck<any> | null = null;
  private leading = false;
  private group: string | undefined;
  private restTimer = 0;
  private kept: Partial<ViewState>[] = [];

  constructor(initial: Partial<ViewState> | undefined, private aboard: Aboard) {
    this.view = {...HOME, ...initial};
  }

  take(deck: Deck<any>): void {
    this.deck = deck;
  }

  /** Fly to a view; with 0 milliseconds, be there. */
  go(view: ViewState, milliseconds?: number): void {
    const there = limited(view, this.bounds);
    this.leading = true;
    this.deck?.setProps({initialViewState: flight(there, milliseconds) as never});
    if (milliseconds === 0) this.settle(there);
  }

  /** Begin here; nobody is told. */
  begin(view: Partial<ViewState>): void {
    this.view = {...HOME, ...view};
    this.deck?.setProps({initialViewState: {...this.view} as never});
  }

  showAll(bounds: Bounds, from: Partial<ViewState> = {}): ViewState {
    return fitted(bounds, this.aboard.size(), from);
  }

  /** Stay over somebody who walks. */
  follow([x, y]: Point2): void {
    const {target, zoom} = this.view;
    if (Math.hypot(x - target[0], y - target[1]) < 0.02) return;
    window.requestAnimationFrame(() => this.go({...this.view, target: [x, y, 0], zoom: Math.max(zoom, 3.2)}, 0));
  }

  /** Deck says that the view changes; returns the view that it is allowed to have. */
  changed(viewState: any, interaction: any): unknown {
    if (viewState.longitude !== undefined) return viewState;
    const view = {...viewState, ...limited(viewState, this.bounds)};
    if (interaction?.isDragging || interaction?.isZooming || interaction?.isPanning || interaction?.inTransition) this.leading = true;
    this.settle({target: view.target, zoom: view.zoom, rotationX: view.rotationX, rotationOrbit: view.rotationOrbit});
    return view;
  }

  /** Share the camera with the scenes of a group, from now on. */
  link(name: string | undefined): void {
    this.unlink();
    this.group = name;
    if (!name) return;
    const group = groups.get(name) ?? new Set<Pilot>();
    groups.set(name, group);
    const [other] = group;
    if (other) this.mirror(other.view);
    group.add(this);
  }

  unlink(): void {
    if (this.group) groups.get(this.group)?.delete(this);
    window.clearTimeout(this.restTimer);
  }

  /** What a key does: 1-9 fly to views (Shift keeps one), the rest is in `keyed`. Returns false if it is not ours. */
  key(event: KeyboardEvent, given: Partial<ViewState>[] | undefined): boolean {
    const digit = /^Digit([1-9])$/.exec(event.code);
    if (digit && event.shiftKey) {
      this.kept[Number(digit[1])] = this.view;
      return true;
    }
    const next = digit ? this.saved(Number(digit[1]), given) : keyed(event.key, event.shiftKey, this.view);
    if (!next) return false;
    this.go(next, digit || /^[nt]$/i.test(event.key) ? undefined : 160);
    return true;
  }

  /** Views 1-9: those kept with Shift, else those of the page, else the whole from six sides. */
  private saved(digit: number, given: Partial<ViewState>[] | undefined): ViewState | null {
    const view = this.kept[digit] ?? given?.[digit - 1];
    if (view) return {...this.view, ...view};
    return this.bounds && digit <= SIDES.length ? this.showAll(this.bounds, {...HOME, ...SIDES[digit - 1]}) : null;
  }

  /** The camera is here now: tell the linked scenes, and the page once it rests. */
  private settle(view: ViewState): void {
    this.view = view;
    if (this.leading && this.group) {
      for (const other of groups.get(this.group) ?? []) if (other !== this) other.mirror(view);
    }
    this.arrived();
    window.clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(() => {
      this.leading = false;
      this.aboard.rested(this.view);
    }, REST_MS);
  }

  private mirror(view: ViewState): void {
    this.leading = false;
    this.view = view;
    this.deck?.setProps({initialViewState: {...view} as never});
    this.arrived();
  }

  /** The ring in which walkers are drawn moves with the camera in steps, not with every frame. */
  private arrived(): void {
    const {zoom, target} = this.view;
    const {center, radius: before} = this.near;
    const radius = zoom < WALKERS_FROM_ZOOM ? 0 : Math.max(...this.aboard.size()) / 2 ** zoom;
    const gone = Math.hypot(target[0] - center[0], target[1] - center[1]);
    if ((radius > 0) !== (before > 0) || radius > before * 1.2 || radius < before * 0.6 || (radius > 0 && gone > radius * 0.2)) {
      this.near = {center: [target[0], target[1]], radius: radius * 1.15};
    }
    this.aboard.moved();
  }
}

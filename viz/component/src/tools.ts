// Drawing on the ground plane: clicks add corners, double click or Enter finishes, Escape cancels, a drag moves a
// corner or a whole object, Delete removes. Results are reported as edits in local metres.
import type {Layer} from '@deck.gl/core';
import {PathLayer, ScatterplotLayer} from '@deck.gl/layers';
import {OVERLAY_COLORS} from './theme';
import type {Theme} from './theme';
import type {Edit, Geometry, Label, Overlay, Point2} from './types';

const SHAPE: Record<string, 'Point' | 'LineString' | 'Polygon'> = {
  barrier: 'LineString', measure: 'LineString', oneway: 'LineString', zone: 'Polygon', closure: 'Polygon', venue: 'Polygon',
  gate: 'Point', checkpoint: 'Point', post: 'Point', entry: 'Point', incident: 'Point'};
const GRIP_PX = 9;
const CLICK_PX = 5;
const TWICE_MS = 400;
const ON_TOP = {depthCompare: 'always' as const, depthWriteEnabled: false};

/** What drawing needs from the scene. */
export interface Canvas {
  groundAt(pixel: Point2): Point2 | null;
  toPixel(at: number[]): Point2;
  overlayAt(pixel: Point2): Overlay | null;
  overlays(): Overlay[];
  selected(): string[];
  report(edit: Omit<Edit, 'n'>): void;
  redraw(): void;
}

interface Drag {
  overlay: Overlay;
  corner: [number, number] | null; // ring and index, null for the whole
  start: Point2;
  geometry: Geometry;
  moved: boolean;
}

export class Tools {
  tool: string | null = null;
  private corners: Point2[] = [];
  private pointer: Point2 | null = null;
  private press: {pixel: Point2; time: number} | null = null;
  private last: {pixel: Point2; time: number} | null = null;
  private drag: Drag | null = null;
  private measured: Point2[] = [];

  constructor(private canvas: Canvas) {}

  use(tool: string | null): void {
    if (tool === this.tool) return;
    this.tool = tool;
    this.corners = [];
    this.measured = [];
    this.drag = null;
    this.canvas.redraw();
  }

  get drawing(): boolean {
    return this.tool !== null && this.tool in SHAPE;
  }

  /** Returns true if the press is taken, so that the camera must not have it. */
  pressed(pixel: Point2): boolean {
    this.press = {pixel, time: performance.now()};
    if (this.tool === null || this.drawing && this.corners.length) return false;
    const grip = this.gripAt(pixel);
    const overlay = grip?.overlay ?? (this.drawing ? null : this.canvas.overlayAt(pixel));
    const start = this.canvas.groundAt(pixel);
    if (!overlay || !start || !this.canvas.selected().includes(overlay.id)) return false;
    this.drag = {overlay, corner: grip?.corner ?? null, start, geometry: overlay.geometry, moved: false};
    return true;
  }

  moved(pixel: Point2): boolean {
    this.pointer = this.canvas.groundAt(pixel);
    if (this.drag && this.pointer) {
      const {start, overlay, corner} = this.drag;
      const by: Point2 = [this.pointer[0] - start[0], this.pointer[1] - start[1]];
      if (this.press && distance(pixel, this.press.pixel) > CLICK_PX) this.drag.moved = true;
      this.drag.geometry = shifted(overlay.geometry, by, corner);
      this.canvas.redraw();
      return true;
    }
    if (this.corners.length) this.canvas.redraw();
    return false;
  }

  released(pixel: Point2): boolean {
    const {press, drag} = this;
    this.press = null;
    this.drag = null;
    if (drag) {
      if (drag.moved) {
        this.canvas.report({action: 'move', kind: drag.overlay.kind, id: drag.overlay.id, geometry: drag.geometry,
          ...(drag.overlay.heading === undefined ? {} : {heading: drag.overlay.heading})});
      }
      this.canvas.redraw();
      return true;
    }
    if (!press || !this.drawing || distance(pixel, press.pixel) > CLICK_PX) return false;
    // The second click of a double click adds nothing: it finishes.
    const twice = this.last && distance(pixel, this.last.pixel) <= CLICK_PX && press.time - this.last.time < TWICE_MS;
    this.last = press;
    const at = this.canvas.groundAt(pixel);
    if (at && !twice) this.corner(at);
    return true;
  }

  /** Returns true if the key is the tool's. */
  key(name: string): boolean {
    if (name === 'Enter' && this.corners.length) this.finish();
    else if (name === 'Escape' && (this.corners.length || this.measured.length)) {
      this.corners = [];
      this.measured = [];
    } else if (name === 'Backspace' && this.corners.length) this.corners.pop();
    else if ((name === 'Delete' || name === 'Backspace') && this.tool !== null) {
      const gone = this.canvas.overlays().filter((o) => this.canvas.selected().includes(o.id));
      if (!gone.length) return false;
      for (const overlay of gone) this.canvas.report({action: 'delete', kind: overlay.kind, id: overlay.id});
    } else return false;
    this.canvas.redraw();
    return true;
  }

  doubleClicked(): boolean {
    if (!this.drawing) return false;
    if (this.corners.length) this.finish();
    return true;
  }

  private corner(at: Point2): void {
    const rounded: Point2 = [Math.round(at[0] * 100) / 100, Math.round(at[1] * 100) / 100];
    const shape = SHAPE[this.tool!];
    this.measured = [];
    if (shape === 'Point' && this.tool !== 'checkpoint') {
      this.canvas.report({action: 'add', kind: this.tool!, geometry: {type: 'Point', coordinates: rounded}});
      return;
    }
    this.corners.push(rounded);
    if (this.tool === 'checkpoint' && this.corners.length === 2) this.finish();
    this.canvas.redraw();
  }

  private finish(): void {
    const {corners, tool} = this;
    this.corners = [];
    const shape = SHAPE[tool!];
    if (tool === 'checkpoint' && corners.length) {
      const [at, to] = corners;
      const heading = to ? Math.atan2(to[1] - at[1], to[0] - at[0]) : 0;
      this.canvas.report({action: 'add', kind: tool, geometry: {type: 'Point', coordinates: at}, heading});
    } else if (shape === 'LineString' && corners.length > 1) {
      if (tool === 'measure') this.measured = corners;
      this.canvas.report({action: 'add', kind: tool!, geometry: {type: 'LineString', coordinates: corners}});
    } else if (shape === 'Polygon' && corners.length > 2) {
      this.canvas.report({action: 'add', kind: tool!, geometry: {type: 'Polygon', coordinates: [[...corners, corners[0]]]}});
    }
    this.canvas.redraw();
  }

  /** The overlays with the one that is being dragged where it is now. */
  shown(overlays: Overlay[]): Overlay[] {
    const {drag} = this;
    return drag ? overlays.map((o) => (o.id === drag.overlay.id ? {...o, geometry: drag.geometry} : o)) : overlays;
  }

  layers(theme: Theme): Layer[] {
    const path = this.sketch();
    const grips = this.tool === null ? [] : this.grips().map((g) => g.at);
    const color = OVERLAY_COLORS[this.tool ?? 'measure'] ?? OVERLAY_COLORS.measure;
    return [
      new PathLayer<Point2[]>({id: 'tool-line', data: path.length > 1 ? [path] : [], getPath: (d) => d as never, getColor: [...color, 255],
        getWidth: 2.5, widthUnits: 'pixels', parameters: ON_TOP}),
      new ScatterplotLayer<number[]>({id: 'tool-corners', data: [...this.corners, ...this.measured, ...grips], getPosition: (d) => [d[0], d[1], 0.2],
        getRadius: 4.5, radiusUnits: 'pixels', stroked: true, getFillColor: [255, 255, 255, 255], getLineColor: theme.outline,
        lineWidthUnits: 'pixels', getLineWidth: 2, parameters: ON_TOP})];
  }

  labels(): Label[] {
    const path = this.sketch();
    if (path.length < 2) return [];
    const metres = path.slice(1).reduce((sum, p, k) => sum + distance(p, path[k]), 0);
    const end = path[path.length - 1];
    return [{text: `${metres.toFixed(metres < 20 ? 1 : 0)} m`, position: [end[0], end[1], 2], priority: 999}];
  }

  private sketch(): Point2[] {
    if (!this.corners.length) return this.measured;
    const path = this.pointer ? [...this.corners, this.pointer] : [...this.corners];
    return SHAPE[this.tool!] === 'Polygon' && path.length > 2 ? [...path, path[0]] : path;
  }

  private grips(): {overlay: Overlay; corner: [number, number]; at: number[]}[] {
    const chosen = new Set(this.canvas.selected());
    return this.shown(this.canvas.overlays()).filter((o) => chosen.has(o.id)).flatMap((overlay) => {
      const {geometry} = overlay;
      if (geometry.type === 'Point') return [];
      const rings = geometry.type === 'LineString' ? [geometry.coordinates] : geometry.coordinates.map((r) => r.slice(0, -1));
      return rings.flatMap((ring, r) => ring.map((at, k) => ({overlay, corner: [r, k] as [number, number], at})));
    });
  }

  private gripAt(pixel: Point2) {
    return this.grips().find((grip) => distance(this.canvas.toPixel(grip.at), pixel) < GRIP_PX);
  }
}

function distance(a: number[], b: number[]): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/** A geometry moved as a whole, or one corner of it; rings stay closed. */
export function shifted(geometry: Geometry, by: Point2, corner: [number, number] | null): Geometry {
  const move = ([x, y, ...rest]: number[]) => [Math.round((x + by[0]) * 100) / 100, Math.round((y + by[1]) * 100) / 100, ...rest];
  if (geometry.type === 'Point') return {...geometry, coordinates: move(geometry.coordinates)};
  if (geometry.type === 'LineString') {
    return {...geometry, coordinates: geometry.coordinates.map((p, k) => (!corner || corner[1] === k ? move(p) : p))};
  }
  return {...geometry, coordinates: geometry.coordinates.map((ring, r) => {
    const open = ring.slice(0, -1).map((p, k) => (!corner || (corner[0] === r && corner[1] === k) ? move(p) : p));
    return [...open, open[0]];
  })};
}

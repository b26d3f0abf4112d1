// One scene: a Deck, the place under it, people that move, and what the page lays over them.
import {Deck, OrbitView} from '@deck.gl/core';
import type {Layer, LayersList, PickingInfo, Viewport} from '@deck.gl/core';
import {BitmapLayer, LineLayer} from '@deck.gl/layers';
import {GroundController, HOME, fitted, flight, groundAt, keyed, limited} from './camera';
import {found, lineAbout} from './finding';
import type {Found} from './finding';
import type {Frame} from './frames';
import {readPlace} from './geometry_file';
import {heatPicture} from './heat';
import type {HeatPicture} from './heat';
import {listen} from './hands';
import {Labels, byPriority} from './labels';
import {edgesOf, ringAround} from './outline';
import type {Segment} from './outline';
import {overlayLabels, overlayLayers} from './overlays';
import {People} from './people';
import {PeoplePointsLayer, WalkersLayer} from './people_layer';
import type {Near} from './people_layer';
import {dressed, placeLayers} from './place_layers';
import type {DressedPlace} from './place_layers';
import {readSpec, tooltipOf} from './spec';
import type {Spec} from './spec';
import {Stream} from './stream';
import {THEMES} from './theme';
import type {Theme} from './theme';
import {Tools} from './tools';
import type {Edit, Label, Overlay, Point2, Point3, SceneProps, ViewRequest, ViewState} from './types';

const groups = new Map<string, Set<Scene>>();
const WALKERS_FROM_ZOOM = 2.6;
const PARTS_FROM_ZOOM = -0.6;
const ON_TOP = {depthCompare: 'always' as const, depthWriteEnabled: false};
const NO_LAYERS: Layer[] = [];

export class Scene {
  readonly deck: Deck<any>;
  readonly people = new People();
  readonly tools: Tools;
  readonly stats = {frames: 0, updates: 0, bytes: 0, ready: false, readyMs: 0};
  props: SceneProps;
  view: ViewState = HOME;
  place: DressedPlace | null = null;
  errors: string[] = [];
  private readonly labels = new Labels();
  private readonly indexOf = new Map<string, number>();
  private placeLabels: Label[] = [];
  private allLabels: Label[] = [];
  private spec: Spec = {layers: [], views: null, initialViewState: null};
  private heat: HeatPicture | null = null;
  private stream: Stream | null = null;
  private overlayNow: Layer[] = NO_LAYERS;
  private outlineNow: Layer[] = NO_LAYERS;
  private placeNow: {below: Layer[]; above: Layer[]; zoomedIn: boolean} | null = null;
  private near: Near = {center: [0, 0], radius: 0};
  private flyFrom = false;
  private leading = false;
  private drawn = false;
  private restTimer = 0;
  private clock = 0;
  private edits = 0;
  private clicks = 0;
  private savedViews: Partial<ViewState>[] = [];

  constructor(private element: HTMLElement, props: SceneProps, private report: (out: Record<string, unknown>) => void) {
    this.props = props;
    this.view = {...HOME, ...props.initialViewState} as ViewState;
    this.deck = new Deck({
      parent: element as HTMLDivElement, width: '100%', height: '100%',
      views: new OrbitView({id: 'orbit', orbitAxis: 'Z', near: 0.05, far: 60, controller: {
        type: GroundController as never, doubleClickZoom: false, keyboard: false, inertia: 180, scrollZoom: {speed: 0.008, smooth: false}}}),
      initialViewState: this.view as never, layers: [], pickingRadius: 3,
      deviceProps: {type: 'webgl', webgl: {antialias: props.antialias !== false}} as never,
      getCursor: ({isDragging, isHovering}: {isDragging: boolean; isHovering: boolean}) => (this.tools?.drawing ? 'crosshair' : isDragging ? 'grabbing' : isHovering ? 'pointer' : 'grab'),
      getTooltip: (info: PickingInfo) => this.tooltip(info) as never,
      onClick: (info: PickingInfo) => this.clicked(info),
      onHover: (info: PickingInfo) => this.hovered(info),
      onViewStateChange: ({viewState, interactionState}: any) => this.viewChanged(viewState, interactionState),
      onAfterRender: () => this.afterRender(),
      onDeviceInitialized: () => this.stubDrawing(),
      onError: (error: Error) => this.fail(error.message)
    } as never);
    element.append(this.labels.canvas);
    element.style.background = this.theme.background;
    this.tools = new Tools({
      groundAt: (pixel) => this.ground(pixel), toPixel: (at) => this.project(at),
      overlayAt: (pixel) => {
        const what = this.pick(pixel[0], pixel[1]);
        return what?.table === 'overlays' ? what.object as Overlay : null;
      },
      overlays: () => this.props.overlays ?? [], selected: () => this.props.selected ?? [],
      report: (edit) => this.edited(edit), redraw: () => this.redrawOverlays()});
    listen(element, this.tools, {doubleClicked: (pixel) => this.doubleClicked(pixel), keyed: (event) => this.keyed(event)});
    this.update(props, {id: props.id});
    this.clock = window.setInterval(() => this.tick(), 1000);
  }

  /** Take new props; only what changed is done again. */
  update(props: SceneProps, before: SceneProps): void {
    this.props = props;
    const changed = (...names: (keyof SceneProps)[]) => names.some((name) => props[name] !== before[name]);
    if (changed('theme')) this.redress();
    if (changed('sceneUrl')) void this.load(props.sceneUrl);
    if (changed('data')) this.readData();
    if (changed('streamUrl')) this.connect();
    else if (changed('playhead')) this.stream?.control(props.playhead);
    if (changed('colorBy')) this.people.paint(props.colorBy ?? 'speed');
    if (changed('heat')) void this.readHeat();
    if (changed('linkedTo')) this.link(before.linkedTo);
    if (changed('tool')) this.tools.use(props.tool ?? null);
    if (changed('labels', 'overlays', 'language')) this.relabel();
    if (changed('overlays', 'selected', 'visible', 'theme')) this.redrawOverlays(false);
    if (changed('selected', 'theme')) this.outline();
    if (changed('visible', 'theme')) this.placeNow = null;
    if (changed('drawCallsStubbed')) this.stubDrawing();
    if (changed('setView') && props.setView) this.fly(props.setView);
    this.draw();
  }

  get theme(): Theme {
    return THEMES[this.props.theme ?? 'light'] ?? THEMES.light;
  }

  get viewport(): Viewport | null {
    return (this.deck.isInitialized && this.deck.getViewports()[0]) || null;
  }

  /** Local metres to pixels of the canvas. */
  project(at: number[]): Point2 {
    const pixel = this.viewport?.project([at[0], at[1], at[2] ?? 0]) ?? [NaN, NaN];
    return [pixel[0], pixel[1]];
  }

  /** The point on the ground under a pixel, local metres. */
  ground(pixel: Point2): Point2 | null {
    const at = this.viewport && groundAt(this.viewport, pixel);
    return at ? [at[0], at[1]] : null;
  }

  /** What is under a pixel; for tests and tools, independent of the pointer. */
  pick(x: number, y: number): Found | null {
    const info = this.deck.pickObject({x, y, radius: 3});
    return info ? this.found(info) : null;
  }

  fly(request: ViewRequest): void {
    let view: ViewState = {...this.view};
    const {id, bounds, ...direct} = request;
    const box = bounds ?? (id === undefined ? null : this.boundsOf(id));
    if (box) view = fitted(box, this.size(), {...view, ...direct});
    this.go({...view, ...direct, target: (direct.target ?? view.target) as Point3});
  }

  /** Fly to a view; with 0 milliseconds, be there. */
  go(view: ViewState, milliseconds?: number): void {
    const there = this.limit(view);
    this.leading = true;
    this.deck.setProps({initialViewState: flight(there, milliseconds) as never});
    if (milliseconds === 0) this.settle(there);
  }

  destroy(): void {
    window.clearInterval(this.clock);
    window.clearTimeout(this.restTimer);
    this.stream?.close();
    this.unlink(this.props.linkedTo);
    this.deck.finalize();
    this.labels.canvas.remove();
  }

  // --- what comes in -------------------------------------------------------------------------------------------

  private async load(url: string | undefined): Promise<void> {
    if (!url) {
      this.place = null;
      return;
    }
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
      const place = readPlace(await answer.arrayBuffer());
      if (url !== this.props.sceneUrl) return;
      this.place = dressed(place, this.theme, null);
      this.placeNow = null;
      this.indexOf.clear();
      place.ids.forEach((id, k) => this.indexOf.set(id, k));
      this.placeLabels = place.labels;
      this.relabel();
      this.outline();
      if (!this.props.initialViewState && !this.flyFrom) {
        this.view = fitted(place.bounds, this.size());
        this.deck.setProps({initialViewState: this.view as never});
      }
      this.flyFrom = true;
      if (this.props.setView) this.fly(this.props.setView);
      this.draw();
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  private readData(): void {
    try {
      this.spec = this.props.data ? readSpec(this.props.data) : {layers: [], views: null, initialViewState: null};
    } catch (error) {
      this.fail(`data: ${(error as Error).message}`);
      return;
    }
    if (!this.props.sceneUrl && this.spec.initialViewState && !this.flyFrom) {
      const own = this.spec.views?.some((view) => !(view instanceof OrbitView));
      if (own) this.deck.setProps({views: this.spec.views!, initialViewState: this.spec.initialViewState as never});
      else {
        this.view = {...HOME, ...this.spec.initialViewState} as ViewState;
        this.deck.setProps({initialViewState: this.view as never});
      }
      this.flyFrom = true;
    }
  }

  private connect(): void {
    this.stream?.close();
    this.stream = null;
    this.people.n = 0;
    this.people.version++;
    if (this.props.streamUrl) this.stream = new Stream(this.props.streamUrl, this.props.playhead, (frame) => this.take(frame));
  }

  private take(frame: Frame): void {
    this.people.push(frame, this.props.colorBy ?? 'speed', performance.now());
    this.stats.updates++;
    this.draw();
  }

  private async readHeat(): Promise<void> {
    const {heat} = this.props;
    try {
      const picture = heat ? await heatPicture(heat) : null;
      if (heat !== this.props.heat) return;
      this.heat = picture;
      this.draw();
    } catch (error) {
      this.fail(`heat: ${(error as Error).message}`);
    }
  }

  // --- what is drawn -------------------------------------------------------------------------------------------

  private draw(): void {
    const shown = (name: string) => this.props.visible?.[name] !== false;
    const {zoomedIn} = this;
    if (this.place && (!this.placeNow || this.placeNow.zoomedIn !== zoomedIn)) {
      this.placeNow = {...placeLayers(this.place, zoomedIn, shown), zoomedIn};
    }
    const people = this.people;
    const moving = {people, version: people.version, near: this.near, pickable: true, visible: shown('people')};
    this.deck.setProps({layers: [
      ...(this.placeNow?.below ?? NO_LAYERS),
      this.heat && new BitmapLayer({id: 'heat', image: this.heat.image as never, bounds: this.heat.bounds, visible: shown('heat'),
        parameters: ON_TOP, textureParameters: {minFilter: 'linear', magFilter: 'linear'}}),
      ...(this.placeNow?.above ?? NO_LAYERS),
      ...this.spec.layers.filter((layer) => shown(layer.id)),
      people.n > 0 && new PeoplePointsLayer({...moving, id: 'people'}),
      people.n > 0 && this.near.radius > 0 && new WalkersLayer({...moving, id: 'people-near'}),
      ...this.overlayNow, ...this.outlineNow, ...this.tools.layers(this.theme)] as LayersList});
  }

  private redress(): void {
    this.element.style.background = this.theme.background;
    if (this.place) this.place = dressed(this.place.place, this.theme, this.place);
    this.placeNow = null;
  }

  private redrawOverlays(draw = true): void {
    const overlays = this.tools.shown(this.props.overlays ?? []);
    this.overlayNow = overlays.length
      ? overlayLayers(overlays, this.props.selected ?? [], this.theme, this.props.visible?.overlays !== false) : NO_LAYERS;
    if (draw) {
      this.relabel();
      this.draw();
    }
  }

  private relabel(): void {
    this.allLabels = byPriority([...this.placeLabels, ...(this.props.labels ?? []),
      ...(this.props.visible?.overlays === false ? [] : overlayLabels(this.tools.shown(this.props.overlays ?? []))), ...this.tools.labels()]);
    this.deck.isInitialized && this.deck.redraw('labels');
  }

  /** Lines along the edges of what is selected, over everything, with a halo. */
  private outline(): void {
    const segments: Segment[] = [];
    for (const id of this.props.selected ?? []) segments.push(...this.edgesOf(id));
    const line = (name: string, color: number[], width: number) => new LineLayer<Segment>({
      id: name, data: segments, getSourcePosition: (d) => d.from, getTargetPosition: (d) => d.to, getColor: color as never,
      getWidth: width, parameters: ON_TOP, updateTriggers: {getColor: color}});
    this.outlineNow = segments.length ? [line('outline-halo', this.theme.halo, 5), line('outline', this.theme.outline, 2.4)] : NO_LAYERS;
  }

  private edgesOf(id: string): Segment[] {
    const object = this.indexOf.get(id);
    if (object === undefined || !this.place) return [];
    const edges = [...edgesOf(this.place.solids, object), ...edgesOf(this.place.ground, object, 3)];
    for (const part of this.place.place.parts) {
      const k = part.objects.indexOf(object);
      if (k >= 0) edges.push(...ringAround(part.xyz[3 * k], part.xyz[3 * k + 1], 1.4), ...ringAround(part.xyz[3 * k], part.xyz[3 * k + 1], 0.8));
    }
    return edges;
  }

  private boundsOf(id: string): [number, number, number, number] | null {
    const overlay = this.props.overlays?.find((o) => o.id === id);
    const points = overlay ? JSON.stringify(overlay.geometry.coordinates).match(/\[-?[\d.e]+,-?[\d.e]+/g)?.map((t) => t.slice(1).split(',').map(Number)) ?? []
      : this.edgesOf(id).map((s) => s.from);
    if (!points.length) return null;
    const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
    const room = 25;
    return [Math.min(...xs) - room, Math.min(...ys) - room, Math.max(...xs) + room, Math.max(...ys) + room];
  }

  private afterRender(): void {
    this.stats.frames++;
    const {viewport} = this;
    if (viewport && this.props.visible?.labels !== false) this.labels.draw(viewport, this.allLabels, this.view.zoom, this.theme);
    if (!this.stats.ready && this.placeNow?.above[0]?.state?.model) {
      this.stats.ready = true;
      this.stats.readyMs = performance.now();
      this.tick();
    }
    if (this.props.follow !== null && this.props.follow !== undefined) this.followOn(this.props.follow);
  }

  private followOn(id: number): void {
    const k = this.people.indexOf(id);
    if (k < 0) return;
    const [x, y] = this.people.positionAt(k, performance.now());
    if (Math.hypot(x - this.view.target[0], y - this.view.target[1]) < 0.02) return;
    this.view = {...this.view, target: [x, y, 0], zoom: Math.max(this.view.zoom, 3.2)};
    window.requestAnimationFrame(() => this.deck.setProps({initialViewState: {...this.view, transitionDuration: 0} as never}));
  }

  // --- the camera ----------------------------------------------------------------------------------------------

  private size(): Point2 {
    return [this.element.clientWidth || 800, this.element.clientHeight || 600];
  }

  private limit(view: ViewState): ViewState {
    return limited(view, this.place?.place.bounds ?? null);
  }

  private viewChanged(viewState: any, interaction: any): unknown {
    if (viewState.longitude !== undefined) return viewState;
    const view = {...viewState, ...this.limit(viewState)};
    if (interaction && (interaction.isDragging || interaction.isZooming || interaction.isPanning || interaction.inTransition)) this.leading = true;
    this.settle({target: view.target, zoom: view.zoom, rotationX: view.rotationX, rotationOrbit: view.rotationOrbit});
    return view;
  }

  /** The camera is here now: tell the linked scenes, and the page once it rests. */
  private settle(view: ViewState): void {
    this.view = view;
    if (this.leading && this.props.linkedTo) {
      for (const other of groups.get(this.props.linkedTo) ?? []) if (other !== this) other.mirror(view);
    }
    this.redrawForView();
    window.clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(() => {
      this.leading = false;
      this.report({viewState: this.view});
    }, 700);
  }

  /** What depends on the distance: parts, and walkers instead of points. */
  private redrawForView(): void {
    this.settleNear();
    if (this.placeNow && this.placeNow.zoomedIn !== this.zoomedIn) this.draw();
  }

  private get zoomedIn(): boolean {
    return this.view.zoom > PARTS_FROM_ZOOM;
  }

  /** Take the camera of a linked scene. */
  mirror(view: ViewState): void {
    this.leading = false;
    this.view = view;
    this.deck.setProps({initialViewState: {...view} as never});
    this.redrawForView();
  }

  /** Walkers are drawn around the target when the camera is near; the ring moves with it in steps. */
  private settleNear(): void {
    const {zoom, target} = this.view;
    const radius = zoom < WALKERS_FROM_ZOOM ? 0 : Math.max(...this.size()) / 2 ** zoom;
    const gone = Math.hypot(target[0] - this.near.center[0], target[1] - this.near.center[1]);
    if ((radius > 0) !== (this.near.radius > 0) || radius > this.near.radius * 1.2 || radius < this.near.radius * 0.6 || (radius > 0 && gone > radius * 0.2)) {
      this.near = {center: [target[0], target[1]], radius: radius * 1.15};
      if (this.people.n) this.draw();
    }
  }

  private link(before: string | undefined): void {
    this.unlink(before);
    const name = this.props.linkedTo;
    if (!name) return;
    if (!groups.has(name)) groups.set(name, new Set());
    const group = groups.get(name)!;
    for (const other of group) {
      this.mirror(other.view);
      break;
    }
    group.add(this);
  }

  private unlink(name: string | undefined): void {
    if (name) groups.get(name)?.delete(this);
  }

  // --- what goes out -------------------------------------------------------------------------------------------

  private found(info: PickingInfo): Found | null {
    return found(info, {place: this.place?.place ?? null, people: this.people, language: this.props.language, ground: this.ground([info.x, info.y])});
  }

  private tooltip(info: PickingInfo): unknown {
    const {tooltip, language, theme} = this.props;
    const what = this.tools.drawing ? null : this.found(info);
    return what && (what.table === null ? tooltipOf(tooltip, info) : lineAbout(what, language, theme));
  }

  private enabled(event: string): boolean {
    const {enableEvents} = this.props;
    return enableEvents === undefined || enableEvents === true || (Array.isArray(enableEvents) && enableEvents.includes(event));
  }

  private clicked(info: PickingInfo): void {
    if (this.tools.drawing || !this.enabled('click')) return;
    const at = this.ground([info.x, info.y]);
    const what = this.found(info) ?? {table: null, id: null, name: null, coordinate: at ? [...at, 0] : null, x: info.x, y: info.y, layer: '', object: null};
    this.report({clickInfo: {...what, n: ++this.clicks}});
  }

  private lastHover: string | null = null;
  private hovered(info: PickingInfo): void {
    if (!this.enabled('hover')) return;
    const what = this.found(info);
    const key = what ? `${what.layer}/${what.id ?? info.index}` : null;
    if (key === this.lastHover) return;
    this.lastHover = key;
    this.report({hoverInfo: what});
  }

  private edited(edit: Omit<Edit, 'n'>): void {
    this.report({edit: {...edit, n: ++this.edits}});
  }

  private fail(message: string): void {
    if (this.errors.includes(message)) return;
    this.errors.push(message);
    console.error(`hutong scene: ${message}`);
  }

  private before = {frames: 0, updates: 0};
  private tick(): void {
    this.stats.bytes = this.stream?.bytes ?? 0;
    const {frames, updates} = this.stats;
    if (frames !== this.before.frames || updates !== this.before.updates) {
      this.report({stats: {...this.stats, fps: frames - this.before.frames, ups: updates - this.before.updates,
        people: this.people.n, t: this.people.t}});
    }
    this.before = {frames, updates};
  }

  // --- pointer and keys ----------------------------------------------------------------------------------------

  private doubleClicked(pixel: Point2): void {
    const what = this.pick(pixel[0], pixel[1]);
    if (what && this.enabled('dblclick')) this.report({dblclickInfo: {...what, n: ++this.clicks}});
    const to = this.ground(pixel);
    if (to) this.go({...this.view, target: [to[0], to[1], 0], zoom: this.view.zoom + 1.2});
  }

  private keyed(event: KeyboardEvent): boolean {
    const digit = /^Digit([1-9])$/.exec(event.code);
    const next = digit ? this.saved(Number(digit[1]), event.shiftKey) : keyed(event.key, event.shiftKey, this.view);
    if (!next) return false;
    this.go(next, digit || /^[nt]$/i.test(event.key) ? undefined : 160);
    return true;
  }

  /** Views 1-9: those of the page, else those that Shift and the digit kept, else the whole from six sides. */
  private saved(digit: number, keep: boolean): ViewState | null {
    if (keep) {
      this.savedViews[digit] = this.view;
      return null;
    }
    const given = this.savedViews[digit] ?? this.props.savedViews?.[digit - 1];
    if (given) return {...this.view, ...given};
    const bounds = this.place?.place.bounds;
    const sides: Partial<ViewState>[] = [{}, {rotationOrbit: 0}, {rotationOrbit: 90}, {rotationOrbit: 180}, {rotationOrbit: -90}, {rotationX: 90, rotationOrbit: 0}];
    return bounds && digit <= sides.length ? fitted(bounds, this.size(), {...HOME, ...sides[digit - 1]}) : null;
  }

  /** To measure transport alone: the graphics calls are there, but draw nothing. */
  private stubDrawing(): void {
    const context = (this.deck as any)?.device?.gl as Record<string, unknown> | undefined;
    if (!context || this.drawn === !!this.props.drawCallsStubbed) return;
    this.drawn = !!this.props.drawCallsStubbed;
    for (const name of ['drawArrays', 'drawElements', 'drawArraysInstanced', 'drawElementsInstanced', 'drawRangeElements']) {
      if (this.drawn) context[name] = () => undefined;
      else delete context[name];
    }
  }
}

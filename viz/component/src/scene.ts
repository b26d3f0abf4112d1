// One scene: a Deck, the place under it, people that move, and what the page lays over them.
import {Deck, OrbitView} from '@deck.gl/core';
import type {Layer, LayersList, PickingInfo, Viewport} from '@deck.gl/core';
import {BitmapLayer, LineLayer} from '@deck.gl/layers';
import {GroundController, groundAt} from './camera';
import {found, lineAbout} from './finding';
import type {Found} from './finding';
import type {Frame} from './frames';
import {readPlace} from './geometry_file';
import {heatPicture} from './heat';
import type {HeatPicture} from './heat';
import {listen} from './hands';
import {Labels, byPriority} from './labels';
import {Live} from './live';
import {edgesOf, ringAround} from './outline';
import type {Segment} from './outline';
import {overlayLabels, overlayLayers} from './overlays';
import {People} from './people';
import {PeoplePointsLayer, WalkersLayer} from './people_layer';
import type {Near} from './people_layer';
import {dressed, placeLayers} from './place_layers';
import type {DressedPlace} from './place_layers';
import {Pilot} from './pilot';
import {readSpec, tooltipOf} from './spec';
import type {Spec} from './spec';
import {Stream} from './stream';
import {THEMES} from './theme';
import type {Theme} from './theme';
import {Tools} from './tools';
import type {Edit, Label, Overlay, Point2, Point3, SceneProps, ViewRequest, ViewState} from './types';

const PARTS_FROM_ZOOM = -0.6;
const ON_TOP = {depthCompare: 'always' as const, depthWriteEnabled: false};
const NO_LAYERS: Layer[] = [];

export class Scene {
  readonly deck: Deck<any>;
  readonly people = new People();
  readonly tools: Tools;
  readonly live: Live;
  readonly stats = {frames: 0, updates: 0, bytes: 0, ready: false, readyMs: 0};
  props: SceneProps;
  readonly pilot: Pilot;
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
  private nearDrawn: Near | null = null;
  private begun = false;
  private drawn = false;
  private clock = 0;
  private edits = 0;
  private clicks = 0;

  constructor(private element: HTMLElement, props: SceneProps, private report: (out: Record<string, unknown>) => void) {
    this.props = props;
    this.pilot = new Pilot(props.initialViewState, {
      size: () => this.size(), moved: () => this.moved(), rested: (view) => this.report({viewState: view})});
    this.live = new Live({props: () => this.props, theme: () => this.theme, redraw: () => this.draw(),
      zoom: () => this.view.zoom, report: (out) => this.report(out)});
    this.deck = new Deck({
      parent: element as HTMLDivElement, width: '100%', height: '100%',
      views: new OrbitView({id: 'orbit', orbitAxis: 'Z', near: 0.05, far: 60, controller: {
        type: GroundController as never, doubleClickZoom: false, keyboard: false, inertia: 180, scrollZoom: {speed: 0.008, smooth: false}}}),
      initialViewState: {...this.view} as never, layers: [], pickingRadius: 3,
      deviceProps: {type: 'webgl', webgl: {antialias: props.antialias !== false}} as never,
      getCursor: ({isDragging, isHovering}: {isDragging: boolean; isHovering: boolean}) => (this.tools?.drawing ? 'crosshair' : isDragging ? 'grabbing' : isHovering ? 'pointer' : 'grab'),
      getTooltip: (info: PickingInfo) => this.tooltip(info) as never,
      onClick: (info: PickingInfo) => this.clicked(info),
      onHover: (info: PickingInfo) => this.hovered(info),
      onViewStateChange: ({viewState, interactionState}: any) => this.pilot.changed(viewState, interactionState),
      onAfterRender: () => this.afterRender(),
      onDeviceInitialized: () => this.stubDrawing(),
      onError: (error: Error) => this.fail(error.message)
    } as never);
    this.pilot.take(this.deck);
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
    listen(element, this.tools, {doubleClicked: (pixel) => this.doubleClicked(pixel), keyed: (event) => this.pilot.key(event, this.props.savedViews)});
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
    if (changed('liveUrl')) this.live.connect();
    else if (changed('liveAt')) this.live.show();
    if (changed('colorBy')) this.people.paint(props.colorBy ?? 'speed');
    if (changed('heat')) void this.readHeat();
    if (changed('linkedTo')) this.pilot.link(props.linkedTo);
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

  get view(): ViewState {
    return this.pilot.view;
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
    if (box) view = this.pilot.showAll(box, {...view, ...direct});
    this.go({...view, ...direct, target: (direct.target ?? view.target) as Point3});
  }

  go(view: ViewState, milliseconds?: number): void {
    this.pilot.go(view, milliseconds);
  }

  destroy(): void {
    window.clearInterval(this.clock);
    this.stream?.close();
    this.live.close();
    this.pilot.unlink();
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
      this.pilot.bounds = place.bounds;
      this.placeNow = null;
      this.indexOf.clear();
      place.ids.forEach((id, k) => this.indexOf.set(id, k));
      this.placeLabels = place.labels;
      this.relabel();
      this.outline();
      if (!this.props.initialViewState && !this.begun) {
        this.pilot.begin(this.pilot.showAll(place.bounds));
      }
      this.begun = true;
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
    if (!this.props.sceneUrl && this.spec.initialViewState && !this.begun) {
      const own = this.spec.views?.some((view) => !(view instanceof OrbitView));
      if (own) this.deck.setProps({views: this.spec.views!, initialViewState: this.spec.initialViewState as never});
      else this.pilot.begin(this.spec.initialViewState);
      this.begun = true;
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
    this.nearDrawn = this.pilot.near;
    const moving = {people, version: people.version, near: this.pilot.near, pickable: true, visible: shown('people')};
    this.deck.setProps({layers: [
      ...(this.placeNow?.below ?? NO_LAYERS),
      this.heat && new BitmapLayer({id: 'heat', image: this.heat.image as never, bounds: this.heat.bounds, visible: shown('heat'),
        parameters: ON_TOP, textureParameters: {minFilter: 'linear', magFilter: 'linear'}}),
      ...(this.placeNow?.above ?? NO_LAYERS),
      ...this.spec.layers.filter((layer) => shown(layer.id)),
      people.n > 0 && new PeoplePointsLayer({...moving, id: 'people'}),
      people.n > 0 && this.pilot.near.radius > 0 && new WalkersLayer({...moving, id: 'people-near'}),
      ...this.overlayNow, ...this.live.layers(this.viewport), ...this.outlineNow, ...this.tools.layers(this.theme)] as LayersList});
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
    if (viewport) this.labels.draw(viewport, this.labelsNow(), this.view.zoom, this.theme);
    if (!this.stats.ready && this.placeNow?.above[0]?.state?.model) {
      this.stats.ready = true;
      this.stats.readyMs = performance.now();
      this.tick();
    }
    if (this.props.follow !== null && this.props.follow !== undefined) this.followOn(this.props.follow);
    const unit = this.live.followed();
    if (unit) this.pilot.follow(unit);
  }

  private labelsNow(): Label[] {
    const named = this.props.visible?.labels === false ? [] : this.allLabels;
    return this.live.empty ? named : [...this.live.labels(this.view.zoom, this.view.target), ...named];
  }

  private followOn(id: number): void {
    const k = this.people.indexOf(id);
    if (k >= 0) this.pilot.follow(this.people.positionAt(k, performance.now()));
  }

  private size(): Point2 {
    return [this.element.clientWidth || 800, this.element.clientHeight || 600];
  }

  /** What depends on the distance: parts, and walkers instead of points. */
  private moved(): void {
    const turned = this.placeNow && this.placeNow.zoomedIn !== this.zoomedIn;
    if (turned || (this.people.n && this.nearDrawn !== this.pilot.near)) this.draw();
  }

  private get zoomedIn(): boolean {
    return this.view.zoom > PARTS_FROM_ZOOM;
  }

  // --- what goes out -------------------------------------------------------------------------------------------

  private found(info: PickingInfo): Found | null {
    return found(info, {place: this.place?.place ?? null, people: this.people, live: this.live, language: this.props.language, ground: this.ground([info.x, info.y])});
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
    this.stats.bytes = (this.stream?.bytes ?? 0) + (this.live.stream?.bytes ?? 0);
    if (!this.live.empty) this.draw(); // trails fade and ages grow

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

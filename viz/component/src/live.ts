// The live part of a scene: units that move, marks of cases, cameras and alarms, and the socket that brings positions.
import type {Layer, Viewport} from '@deck.gl/core';
import {eyeOf} from './camera';
import {markLabels, markLayers, unitLabels, unitLayers} from './live_layers';
import type {Shown} from './live_layers';
import type {LiveFrame} from './live_frames';
import {LiveStream} from './live_stream';
import type {LiveTold} from './live_stream';
import type {Theme} from './theme';
import type {Label, LiveMark, Point2, SceneProps} from './types';
import {Units} from './units';
import {ageWord} from './words';

const SCALED_MOST = 2.2; // what is farther off than this gets smaller after all
const SAMPLED = 40; // positions of a frame whose age is kept
const SMALL_BELOW_ZOOM = 0;
const NO_MARKS: LiveMark[] = [];

/** What the live part asks of its scene. */
interface Stage {
  props(): SceneProps;
  theme(): Theme;
  redraw(): void;
  zoom(): number;
  report(out: Record<string, unknown>): void;
}

export class Live {
  readonly units = new Units();
  stream: LiveStream | null = null;
  updates = 0;
  readonly ages: number[] = []; // of new positions when they were drawn, seconds
  private state = '';

  constructor(private stage: Stage) {}

  connect(): void {
    const {liveUrl, liveAt} = this.stage.props();
    this.stream?.close();
    this.stream = null;
    this.units.clear();
    if (!liveUrl) return;
    this.stream = new LiveStream(liveUrl, liveAt ?? null, {
      frame: (frame) => {
        this.units.take(frame, performance.now());
        this.updates++;
        if (frame.live && !frame.whole && frame.n) this.drawn(frame);
        this.stage.redraw();
        this.tell(frame.live ? 'live' : 'recorded');
      },
      told: (what) => this.told(what),
      lost: (again) => {
        if (this.state !== 'refused') this.tell(again ? 'lost' : 'refused');
      }});
  }

  show(): void {
    this.stream?.show(this.stage.props().liveAt ?? null);
  }

  close(): void {
    this.stream?.close();
  }

  get empty(): boolean {
    return this.units.n === 0 && !(this.stage.props().liveMarks ?? NO_MARKS).length;
  }

  layers(viewport: Viewport | null): Layer[] {
    const eye = viewport ? eyeOf(viewport) : null, target = viewport?.center ?? [0, 0, 0];
    const reach = eye ? Math.hypot(eye[0] - target[0], eye[1] - target[1], eye[2] - target[2]) : 1;
    const far = this.stage.zoom() < SMALL_BELOW_ZOOM ? 0.72 : 1; // over the whole district signs would hide it
    const scale = ([x, y, z]: number[]) => far * (eye ? Math.min(Math.max(Math.hypot(eye[0] - x, eye[1] - y, eye[2] - z) / reach, 0.5), SCALED_MOST) : 1);
    const {liveMarks, selected} = this.stage.props();
    const shown = this.shown(), theme = this.stage.theme(), now = performance.now();
    const near = {center: [...target], radius: viewport ? Math.max(viewport.width, viewport.height) / 2 ** this.stage.zoom() : Infinity};
    return [
      ...(this.units.n ? unitLayers(this.units, now, shown, this.stage.props().liveUnit ?? null, theme, scale, near) : []),
      ...(liveMarks?.length ? markLayers(liveMarks, shown, selected ?? [], theme, scale) : [])];
  }

  labels(zoom: number, center: number[]): Label[] {
    const {language, liveMarks} = this.stage.props();
    const shown = this.shown();
    return [...markLabels(liveMarks ?? NO_MARKS, shown, zoom),
      ...(shown.positions ? unitLabels(this.units, performance.now(), zoom, center, (s) => ageWord(s, language)) : [])]
      .sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
  }

  /** Where the followed unit is, or nowhere. */
  followed(): Point2 | null {
    const {liveUnit, liveFollow} = this.stage.props();
    const i = liveFollow && liveUnit ? this.units.find(liveUnit) : -1;
    if (i < 0) return null;
    const {x, y} = this.units.at(i, performance.now());
    return [x, y];
  }

  private shown(): Shown {
    const {visible} = this.stage.props();
    const on = (name: string) => visible?.[name] !== false;
    return {positions: on('positions'), tracks: on('tracks'), cases: on('cases'), cameras: on('cameras'), alarms: on('alarms')};
  }

  /** Keep how old some of the new positions of a frame are once it is drawn. Both clocks have to agree. */
  private drawn(frame: LiveFrame): void {
    const step = Math.max(1, Math.floor(frame.n / SAMPLED));
    requestAnimationFrame(() => {
      const late = Date.now() / 1000 - frame.time;
      for (let k = 0; k < frame.n; k += step) this.ages.push(late + frame.age[k]);
      if (this.ages.length > 20_000) this.ages.splice(0, 10_000);
    });
  }

  private told(what: LiveTold): void {
    if (what.stale_s) this.units.staleAfter = what.stale_s;
    if (what.names) this.units.name(what.names);
    if (what.refused) {
      this.units.clear();
      this.stage.redraw();
      this.tell('refused', what.refused);
    }
  }

  private tell(state: string, why = ''): void {
    if (state === this.state) return;
    this.state = state;
    this.stage.report({liveState: {state, why}});
  }
}

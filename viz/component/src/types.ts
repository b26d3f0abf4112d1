// What the scene is given and what it reports: the same names as PROPS in viz/component/__init__.py.
export type Point2 = [number, number];
export type Point3 = [number, number, number];

export interface ViewState {
  target: Point3;
  zoom: number;
  rotationX: number;
  rotationOrbit: number;
}
export type ViewRequest = Partial<ViewState> & {id?: string; bounds?: [number, number, number, number]};

export type Geometry =
  | {type: 'Point'; coordinates: number[]}
  | {type: 'LineString'; coordinates: number[][]}
  | {type: 'Polygon'; coordinates: number[][][]};

export interface Overlay {
  id: string;
  kind: string;
  style?: string;
  geometry: Geometry;
  heading?: number;
  width?: number;
  lanes?: number;
  lane_width?: number;
  label?: string;
}

export interface Label {
  text: string;
  position: number[];
  priority?: number;
  heading?: number;
  kind?: string;
  size?: number;
  below?: number; // pixels under its place
}

export interface Heat {
  url?: string;
  values?: string;
  origin: Point2;
  cell: number;
  shape: Point2;
  ramp?: string;
  range?: Point2;
  opacity?: number;
}

export interface Playhead {
  t?: number;
  rate?: number;
  playing?: boolean;
}

export interface Edit {
  n: number;
  action: 'add' | 'move' | 'delete';
  kind: string;
  id?: string;
  geometry?: Geometry;
  heading?: number;
}

/** A case, a camera or an alarm; `sign` is one of those in icons.ts. */
export interface LiveMark {
  id: string;
  kind: 'case' | 'camera' | 'alarm';
  sign: string;
  position: number[];
  label?: string;
  line?: string; // what hovering says
}

export type ColorBy = 'speed' | 'density' | 'state';
export type ThemeName = 'light' | 'dark';

export interface SceneProps {
  id: string;
  style?: Record<string, string | number>;
  className?: string;
  ariaLabel?: string;
  data?: string | Record<string, unknown>;
  tooltip?: boolean | {html?: string; text?: string; style?: Record<string, string>};
  enableEvents?: boolean | string[];
  sceneUrl?: string;
  streamUrl?: string;
  playhead?: Playhead;
  initialViewState?: Partial<ViewState>;
  setView?: ViewRequest;
  savedViews?: Partial<ViewState>[];
  selected?: string[];
  visible?: Record<string, boolean>;
  colorBy?: ColorBy;
  theme?: ThemeName;
  language?: string;
  labels?: Label[];
  overlays?: Overlay[];
  tool?: string | null;
  follow?: number | null;
  linkedTo?: string;
  heat?: Heat | null;
  liveUrl?: string;
  liveAt?: number | null;
  liveMarks?: LiveMark[];
  liveUnit?: string | null;
  liveFollow?: boolean;
  drawCallsStubbed?: boolean;
  antialias?: boolean;
  setProps?: (props: Record<string, unknown>) => void;
}

// What the scene says itself, in the two languages of the pages.
const TABLES: Record<string, [string, string]> = {
  buildings: ['building', '建筑'], courtyards: ['courtyard', '院落'], entrances: ['entrance', '门'], parts: ['part', '部件'],
  streets: ['street', '街巷'], bays: ['parking', '停车位'], areas: ['ground', '场地'], grids: ['grid', '网格'], zones: ['zone', '防护区'],
  surfaces: ['surface', '表面'], people: ['person', '行人'], overlays: ['layout', '布局'], units: ['unit', '力量'],
  cases: ['case', '事件'], cameras: ['camera', '摄像机'], alarms: ['alarm', '告警']};
const STATES: [string, string][] = [
  ['walking in', '入场'], ['queueing', '排队'], ['being served', '安检中'], ['at the venue', '在场'], ['leaving', '离场'], ['stuck', '受阻']];
const OVERLAYS: Record<string, string> = {
  zone: '防护区', barrier: '围栏', gate: '出入口', checkpoint: '安检点', post: '岗位', closure: '封闭', oneway: '单向', entry: '入口',
  venue: '活动场地', incident: '突发事件', reach: '可达范围', blind: '盲区'};

const side = (language: string | undefined) => (language?.startsWith('zh') ? 1 : 0);

export const tableWord = (table: string, language?: string) => TABLES[table]?.[side(language)] ?? table;
export const stateWord = (state: number, language?: string) => STATES[state]?.[side(language)] ?? String(state);
export const overlayWord = (kind: string, language?: string) => (side(language) ? OVERLAYS[kind] ?? kind : kind);

export function ageWord(seconds: number, language?: string): string {
  const chinese = side(language) === 1;
  if (seconds < 90) return `${Math.round(seconds)} ${chinese ? '秒前' : 's ago'}`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} ${chinese ? '分钟前' : 'min ago'}`;
  return `${Math.round(seconds / 3600)} ${chinese ? '小时前' : 'h ago'}`;
}

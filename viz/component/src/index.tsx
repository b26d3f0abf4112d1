// The Dash component: mounts a scene, hands it new props, reports back through setProps. React is the page's own.
import type * as ReactTypes from 'react';
import {Scene as SceneOfDeck} from './scene';
import type {SceneProps} from './types';

declare global {
  interface Window {
    React: typeof ReactTypes;
    hutongScenes: Record<string, SceneOfDeck>;
  }
}

const React = window.React;

export class Scene extends React.Component<SceneProps> {
  private element: HTMLDivElement | null = null;
  private scene: SceneOfDeck | null = null;

  private get key(): string {
    const {id} = this.props;
    return typeof id === 'string' ? id : JSON.stringify(id);
  }

  componentDidMount() {
    this.scene = new SceneOfDeck(this.element!, this.props, (out) => this.props.setProps?.(out));
    window.hutongScenes = window.hutongScenes ?? {};
    window.hutongScenes[this.key] = this.scene;
  }

  componentDidUpdate(before: SceneProps) {
    this.scene?.update(this.props, before);
  }

  componentWillUnmount() {
    this.scene?.destroy();
    if (window.hutongScenes?.[this.key] === this.scene) delete window.hutongScenes[this.key];
  }

  render() {
    const {className, style, ariaLabel, language} = this.props;
    const chinese = language?.startsWith('zh');
    return <div id={this.key} className={className} role="application" tabIndex={0}
      aria-label={ariaLabel ?? (chinese ? '三维场景：方向键平移，N 朝北，T 俯视，1-9 视角' : 'Three-dimensional scene: arrow keys pan, N north up, T top view, 1-9 views')}
      style={{position: 'relative', overflow: 'hidden', minHeight: 120, touchAction: 'none', ...style} as ReactTypes.CSSProperties}
      ref={(element) => { this.element = element; }} />;
  }
}

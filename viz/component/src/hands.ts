// Pointer and keys: first the tool may have them, then the camera.
import type {Tools} from './tools';
import type {Point2} from './types';

interface Otherwise {
  doubleClicked(pixel: Point2): void;
  keyed(event: KeyboardEvent): boolean;
}

export function listen(element: HTMLElement, tools: Tools, otherwise: Otherwise): void {
  const at = (event: MouseEvent): Point2 => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  // In the capture phase: what a tool takes does not reach deck's controller.
  element.addEventListener('pointerdown', (event) => {
    element.focus({preventScroll: true});
    if (event.button === 0 && tools.pressed(at(event))) {
      event.stopPropagation();
      element.setPointerCapture(event.pointerId);
    }
  }, true);
  element.addEventListener('pointermove', (event) => {
    if (tools.moved(at(event))) event.stopPropagation();
  }, true);
  element.addEventListener('pointerup', (event) => {
    if (event.button === 0) tools.released(at(event));
  }, true);
  element.addEventListener('dblclick', (event) => {
    if (!tools.doubleClicked()) otherwise.doubleClicked(at(event));
  });
  element.addEventListener('contextmenu', (event) => event.preventDefault());
  element.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (tools.key(event.key) || otherwise.keyed(event)) event.preventDefault();
  });
}

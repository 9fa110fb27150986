import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';

/** Takes files that are dropped on what it holds. */
export function FileDrop(props: {
  /** Said while files are held over it. */
  readonly label: string;
  readonly off: boolean;
  readonly onFiles: (files: readonly File[]) => unknown;
  readonly children: ComponentChildren;
}) {
  const [over, setOver] = useState(false);
  // Entering a child is told before its parent is left.
  const depth = useRef(0);
  const holdsFiles = (event: DragEvent) =>
    !props.off && event.dataTransfer?.types.includes('Files') === true;
  const moved = (step: number) => (event: DragEvent) => {
    if (holdsFiles(event)) {
      event.preventDefault();
      event.stopPropagation();
      depth.current += step;
      setOver(depth.current > 0);
    }
  };
  return (
    <div
      class="mlxm-drop"
      data-over={over}
      data-label={props.label}
      onDragEnter={moved(1)}
      onDragLeave={moved(-1)}
      onDragOver={moved(0)}
      onDrop={(event) => {
        if (holdsFiles(event)) {
          moved(-depth.current)(event);
          void props.onFiles([...(event.dataTransfer?.files ?? [])]);
        }
      }}
    >
      {props.children}
    </div>
  );
}

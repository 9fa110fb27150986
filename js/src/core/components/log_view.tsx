import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { useHost } from '../host';
import { problemOf } from '../problem';
import type { Store } from '../store';

const POLL_MS = 1000;
/** Nearer to the end than this many pixels counts as reading along. */
const FOLLOW_PX = 24;

/**
 * The last lines of a server's log, followed for as long as the view can be seen and the reader
 * has not scrolled up.
 */
export function LogView(props: {
  readonly store: Store;
  readonly name: string;
  readonly lines: number;
  readonly visible?: () => boolean;
}) {
  const { store, name, visible } = props;
  const { t } = useHost();
  const [text, setText] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const scroller = useRef<HTMLPreElement>(null);
  const following = useRef(true);

  useEffect(() => {
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      const { servers, connection } = store.snapshot();
      const listed = servers.some((server) => server.name === name);
      // A question that nobody can answer would fill the browser's console with errors.
      if (connection.status !== 'live') {
        setFailure(t('Reconnecting…'));
      } else if (!listed) {
        setFailure(t('%1 is not running.', name));
      } else if (visible?.() !== false) {
        try {
          const logs = await store.send({ command: 'logs', name, lines: props.lines });
          if (current) {
            setText(logs.lines.join('\n'));
            setFailure(null);
          }
        } catch (thrown) {
          if (current) {
            setFailure(problemOf(thrown).message);
          }
        }
      }
      if (current) {
        timer = setTimeout(() => void read(), POLL_MS);
      }
    };
    void read();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [store, name, props.lines, visible, t]);

  useLayoutEffect(() => {
    if (scroller.current && following.current) {
      scroller.current.scrollTop = scroller.current.scrollHeight;
    }
  }, [text]);

  const scrolled = ({ currentTarget: el }: { readonly currentTarget: HTMLPreElement }) => {
    following.current = el.scrollHeight - el.scrollTop - el.clientHeight < FOLLOW_PX;
  };
  return (
    <div class="mlxm-log">
      {failure !== null && (
        <p class="mlxm-log-note" role="status">
          {failure}
        </p>
      )}
      <pre ref={scroller} onScroll={scrolled} tabIndex={0} aria-label={t('Log of %1', name)}>
        {text ?? ''}
        {text === '' && t('The log is empty.')}
      </pre>
    </div>
  );
}

import { useLayoutEffect, useRef } from 'preact/hooks';

import { TextButton } from '../components/button';
import { CopyButton } from '../components/copy_button';
import { useHost } from '../host';
import type { NewKey } from '../schema';
import { usePageId } from '../use_page_id';

/** The secret of a key that was just made: nobody can be asked for it later. */
export function KeySecret(props: { readonly made: NewKey; readonly onDone: () => void }) {
  const { key, secret } = props.made;
  const { t } = useHost();
  const id = usePageId();
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  return (
    <div
      class="mlxm-key-secret"
      role="group"
      aria-label={t('Key created')}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.onDone();
        }
      }}
    >
      <strong>{t('Key created')}</strong>
      <span class="mlxm-snippet">
        <input
          ref={field}
          type="text"
          readOnly
          aria-label={t('Secret of %1', key.label)}
          aria-describedby={id}
          value={secret}
          autocomplete="off"
          spellcheck={false}
        />
        <CopyButton label={t('Copy the secret')} text={secret} />
      </span>
      <p id={id} class="mlxm-help">
        {t('Copy it now: it is never shown again.')}
      </p>
      <span class="mlxm-actions">
        <TextButton text={t('Done')} label={t('Done')} onPress={props.onDone} />
      </span>
    </div>
  );
}

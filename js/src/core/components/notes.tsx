import type { ComponentChildren } from 'preact';

import { useHost } from '../host';
import type { Problem } from '../schema';
import { IconButton, TextButton } from './button';
import { CopyButton } from './copy_button';

/** A quiet text where rows would be. */
export function Note(props: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="mlxm-note">
      <strong>{props.title}</strong>
      {props.children}
    </div>
  );
}

/** Something to type elsewhere, with a button that copies it. */
export function Snippet({ code }: { readonly code: string }) {
  const { t } = useHost();
  return (
    <span class="mlxm-snippet">
      <code>{code}</code>
      <CopyButton label={t('Copy %1', code)} text={code} />
    </span>
  );
}

/** One line above everything: what is shown may not be what is. */
export function Banner(props: { readonly busy?: boolean; readonly children: ComponentChildren }) {
  return (
    <div class="mlxm-banner" role="status">
      {props.busy === true && <span class="mlxm-spinner" />}
      <span>{props.children}</span>
    </div>
  );
}

/** A command failed: what happened and what to do next. */
export function Alert({
  problem,
  onDismiss,
}: {
  readonly problem: Problem;
  readonly onDismiss: () => void;
}) {
  const { t } = useHost();
  return (
    <div class="mlxm-alert" role="alert">
      <span>
        {problem.message} {problem.hint}
      </span>
      <IconButton icon="close" label={t('Dismiss message')} onPress={onDismiss} />
    </div>
  );
}

/** Nothing can be shown until somebody acts. Code in the hint (`like this`) can be copied. */
export function Refused({ problem }: { readonly problem: Problem | null }) {
  const { t, retry } = useHost();
  const [before, code, after] = (problem?.hint ?? '').split('`');
  return (
    <Note title={problem?.message ?? t('The extension refused.')}>
      <p>{before}</p>
      {code !== undefined && <Snippet code={code} />}
      {after !== undefined && <p>{after}</p>}
      {retry && <TextButton text={t('Try again')} label={t('Try again')} onPress={retry} />}
    </Note>
  );
}

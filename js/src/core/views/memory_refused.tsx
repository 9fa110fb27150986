import { IconButton, TextButton } from '../components/button';
import { shortModel } from '../format';
import { useHost } from '../host';
import type { Problem } from '../schema';
import type { Command } from '../store';

/** A start that would take more memory than there is: nothing was started yet. */
export function asksForMemory(problem: Problem): boolean {
  return problem.code === 'not_enough_memory';
}

/** Why a start was refused, in numbers, and the two ways on: a smaller build, or all the same. */
export function MemoryRefused(props: {
  readonly problem: Problem;
  readonly wanted: Command<'serve'>;
  readonly send: (command: Command<'serve'>) => unknown;
  readonly onDismiss: () => void;
}) {
  const { problem } = props;
  const { t } = useHost();
  return (
    <div class="mlxm-refusal" role="alert">
      <span class="mlxm-refusal-text">{problem.message}</span>
      <IconButton icon="close" label={t('Dismiss message')} onPress={props.onDismiss} />
      <MemoryChoices {...props} />
    </div>
  );
}

/** The buttons alone, for where the words stand already. */
export function MemoryChoices(props: {
  readonly problem: Problem;
  readonly wanted: Command<'serve'>;
  readonly send: (command: Command<'serve'>) => unknown;
}) {
  const { problem, wanted, send } = props;
  const { t } = useHost();
  const smaller = problem.candidates[0];
  return (
    <span class="mlxm-actions">
      {smaller !== undefined && (
        <TextButton
          text={t('Serve %1 instead', shortModel(smaller))}
          label={t('Serve %1 instead', shortModel(smaller))}
          onPress={() => send({ command: 'serve', model: smaller })}
        />
      )}
      <TextButton
        text={t('Start anyway')}
        label={t('Start anyway')}
        look="danger"
        onPress={() => send({ ...wanted, force: true })}
      />
    </span>
  );
}

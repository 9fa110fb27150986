import type { Translate } from './host';
import { problemOf } from './problem';
import {
  changesOf,
  draftOf,
  FIELDS,
  opensHost,
  readDraft,
  rootOf,
  withText,
  type Draft,
  type Values,
} from './profile_draft';
import type { FormField } from './profile_fields';
import type { Problem, Profile, ProfileCheck, StartingPoint } from './schema';
import type { Store } from './store';

/** A form in use: what is typed, what is known about it, and how the last saving went. */
export interface EditorState {
  /** The profile as it is saved; null for one that is not yet. */
  readonly saved: Profile | null;
  readonly draft: Draft;
  /** What was typed first, and comes back when the draft is discarded. */
  readonly before: Draft;
  /** Fields that somebody has been in: of others it isn't said that they are empty. */
  readonly touched: ReadonlySet<string>;
  /** Saving was tried: every problem is said from now on. */
  readonly tried: boolean;
  readonly check: ProfileCheck | null;
  /** The draft that `check` is about. */
  readonly checked: Draft;
  /** Why there is no check of the draft. */
  readonly unchecked: Problem | null;
  readonly saving: boolean;
  readonly outcome: Outcome | null;
  readonly points: readonly StartingPoint[];
  /** Somebody else changed or deleted it while the draft differs from it. */
  readonly elsewhere: 'changed' | 'deleted' | null;
}

export type Outcome =
  { readonly kind: 'created' | 'saved' } | { readonly kind: 'failed'; readonly problem: Problem };

/** Typing goes on for so long without a question. */
const PAUSE_MS = 250;

/** Keeps a draft, has it checked while it is typed, and saves it. */
export class ProfileEditor {
  private state: EditorState;
  private readonly viewers = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private question: AbortController | null = null;
  /** The profile as the store had it last: what is new to the store is news. */
  private seen: Profile | undefined;
  /** Whose starting points are known, or asked for. */
  private pointsFor: string | null = null;

  constructor(
    private readonly store: Store,
    private readonly t: Translate,
    saved: Profile | null,
    values: Values = {},
  ) {
    this.seen = saved ?? undefined;
    const before = draftOf(saved === null ? values : (saved as unknown as Values));
    this.state = {
      saved,
      draft: before,
      before: saved === null ? {} : before,
      touched: new Set(),
      tried: false,
      check: null,
      checked: {},
      unchecked: null,
      saving: false,
      outcome: null,
      points: [],
      elsewhere: null,
    };
    void this.ask();
  }

  snapshot(): EditorState {
    return this.state;
  }

  subscribe(changed: () => void): () => void {
    this.viewers.add(changed);
    return () => {
      this.viewers.delete(changed);
    };
  }

  /** Nobody looks any more. */
  end(): void {
    clearTimeout(this.timer);
    this.question?.abort();
  }

  type(field: FormField, text: string): void {
    this.draft(withText(this.state.draft, field, text));
  }

  /** The keyboard left a field. */
  touch(name: string): void {
    if (!this.state.touched.has(name)) {
      this.put({ touched: new Set([...this.state.touched, name]) });
    }
  }

  /** Takes ready values into their fields; what else is there stays. */
  take(values: Values): void {
    this.draft({ ...this.state.draft, ...draftOf(values) });
  }

  discard(): void {
    this.draft(this.state.before);
    this.put({ tried: false, touched: new Set(), elsewhere: null });
  }

  /** The profile as the store has it now; undefined when it is gone. */
  follow(now: Profile | undefined): void {
    const { saved, saving } = this.state;
    if (saved === null || saving || now === this.seen) {
      return;
    }
    this.seen = now;
    if (now === undefined) {
      this.put({ elsewhere: 'deleted' });
    } else if (JSON.stringify(now) === JSON.stringify(saved)) {
      this.put({ elsewhere: null });
    } else {
      const elsewhere = isDirty(this.state) ? 'changed' : null;
      const before = draftOf(now as unknown as Values);
      this.draft(merged(this.state, before));
      this.put({ saved: now, before, elsewhere });
    }
  }

  /** Saves what is typed. The profile, or null when that can't be. */
  async save(): Promise<Profile | null> {
    const { saved, draft, saving, elsewhere } = this.state;
    const { values, wrong } = readDraft(draft, this.t);
    this.put({ tried: true });
    // What the extension finds is no reason not to ask: some of it only keeps it from starting.
    if (saving || Object.keys(wrong).length > 0) {
      return null;
    }
    this.put({ saving: true, outcome: null });
    const isNew = saved === null || elsewhere === 'deleted';
    try {
      const profile = isNew
        ? await this.store.send({ command: 'create_profile', values })
        : await this.store.send({
            command: 'edit_profile',
            name: saved.name,
            values: changesOf(readDraft(this.state.before, this.t).values, values),
          });
      // The event that tells of it comes sooner or later than the answer.
      this.seen = this.store.snapshot().profiles.find(({ name }) => name === profile.name);
      const before = draftOf(profile as unknown as Values);
      const kind = isNew ? 'created' : 'saved';
      this.put({
        saved: profile,
        draft: before,
        before,
        saving: false,
        tried: false,
        elsewhere: null,
        outcome: { kind },
      });
      return profile;
    } catch (thrown) {
      this.put({ saving: false, outcome: { kind: 'failed', problem: problemOf(thrown) } });
      return null;
    }
  }

  private draft(draft: Draft): void {
    this.put({ draft, outcome: null });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), PAUSE_MS);
  }

  /** Has the draft checked; a newer question makes this one void. */
  private async ask(): Promise<void> {
    this.question?.abort();
    const question = new AbortController();
    this.question = question;
    const { draft } = this.state;
    const { values, wrong } = readDraft(draft, this.t);
    // What can't be read is said already; the rest can be checked without it.
    const sound = Object.fromEntries(Object.entries(values).filter(([name]) => !(name in wrong)));
    void this.askForPoints(draft.model ?? '');
    try {
      const check = await this.store.send(
        { command: 'check_profile', values: sound },
        question.signal,
      );
      if (!question.signal.aborted) {
        this.put({ check, checked: draft, unchecked: null });
      }
    } catch (thrown) {
      if (!question.signal.aborted) {
        this.put({ unchecked: problemOf(thrown) });
      }
    }
  }

  /** Beginnings for the model, while the profile is new. */
  private async askForPoints(model: string): Promise<void> {
    if (this.state.saved !== null || model === this.pointsFor) {
      return;
    }
    this.pointsFor = model;
    const points = await this.store
      .send({ command: 'starting_points', model })
      // They are a help, and no more: a form without them is one.
      .catch((): readonly StartingPoint[] => []);
    if (model === this.pointsFor) {
      this.put({ points });
    }
  }

  private put(change: Partial<EditorState>): void {
    this.state = { ...this.state, ...change };
    for (const changed of [...this.viewers]) {
      changed();
    }
  }
}

export function isDirty({ draft, before }: EditorState): boolean {
  return changedFields({ draft, before }).length > 0;
}

export function changedFields({ draft, before }: Pick<EditorState, 'draft' | 'before'>) {
  return FIELDS.filter(({ name }) => draft[name] !== before[name]);
}

/** What was typed here, upon what is saved by now. */
function merged(typed: EditorState, now: Draft): Draft {
  const own = new Set(changedFields(typed).map(({ name }) => name));
  const texts = FIELDS.map(({ name }) => [name, (own.has(name) ? typed.draft : now)[name]]);
  return Object.fromEntries(texts.filter(([, text]) => text !== undefined)) as Draft;
}

/** What is wrong, by field: what the form sees at once, then what the extension says. */
export function problemsOf(state: EditorState, t: Translate): Readonly<Record<string, string>> {
  const problems: Record<string, string> = {};
  for (const { field, problem } of state.check?.problems ?? []) {
    const name = fieldOf(field, state.draft);
    const stale = state.draft[name] !== state.checked[name];
    // Its own name is not another's.
    const taken = problem.code === 'name_taken' && field === 'name';
    const own = taken && state.draft.name === state.saved?.name;
    // The form asks for the confirmation where it can be given.
    const asked = field === 'host' && problem.code === 'invalid_value' && opensHost(state.draft);
    if (!stale && !own && !asked) {
      problems[name] = [problem.message, problem.hint].filter(Boolean).join(' ');
    }
  }
  return { ...problems, ...readDraft(state.draft, t).wrong };
}

/** Where the form shows a problem of a field that it has in parts, or under another name. */
function fieldOf(name: string, draft: Draft): string {
  const parts = FIELDS.filter((field) => rootOf(field.name) === rootOf(name));
  const exact = parts.find((field) => field.name === name);
  const set = parts.find((field) => draft[field.name] !== undefined);
  return (exact ?? set ?? parts[0])?.name ?? name;
}

/** The problems that are to be said: of an empty field only once it was left, or saving tried. */
export function saidProblems(state: EditorState, t: Translate): Readonly<Record<string, string>> {
  const { tried, touched, draft } = state;
  return Object.fromEntries(
    Object.entries(problemsOf(state, t)).filter(
      ([name]) => tried || touched.has(name) || draft[name] !== undefined,
    ),
  );
}

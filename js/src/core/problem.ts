import type { Problem } from './schema';

/** An error that says what happened and what to do next; the body of every failed command. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Partial<Problem> & Pick<Problem, 'code' | 'message'>) {
    super(problem.message);
    this.name = 'ProblemError';
    this.problem = { hint: null, log_tail: [], candidates: [], ...problem };
  }
}

/** Whatever was thrown, as a problem that can be shown. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof ProblemError) {
    return thrown.problem;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ProblemError({ code: 'internal', message }).problem;
}

/** True for the JSON body of a failed request of ours; other programs answer with other bodies. */
export function isProblem(body: unknown): body is Pick<Problem, 'code' | 'message'> {
  return (
    typeof body === 'object' &&
    body !== null &&
    'code' in body &&
    typeof body.code === 'string' &&
    'message' in body &&
    typeof body.message === 'string'
  );
}

import { MemoryView } from './memory';
import type { Body } from './panel';
import { ServersView } from './servers';

/** Memory, and what runs in it. */
export const ServersBody: Body = (props) => (
  <>
    <MemoryView state={props.state} />
    <ServersView {...props} />
  </>
);

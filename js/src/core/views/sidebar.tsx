import { ModelsView } from './models';
import type { Body } from './panel';
import { ServersBody } from './servers_body';

/** All that the sidebar has: memory, what runs, and the models. */
export const SidebarBody: Body = (props) => (
  <>
    <ServersBody {...props} />
    <ModelsView {...props} />
  </>
);

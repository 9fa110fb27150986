import { KeysView } from './keys';
import { ModelsView } from './models';
import type { Body } from './panel';
import { ProfilesView } from './profiles';
import { ServersBody } from './servers_body';

/** All that the sidebar has: memory, what runs, the models, the profiles and the keys. */
export const SidebarBody: Body = (props) => (
  <>
    <ServersBody {...props} />
    <ModelsView {...props} />
    <ProfilesView {...props} besideServers />
    <KeysView {...props} />
  </>
);

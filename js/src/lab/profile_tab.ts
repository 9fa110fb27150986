import { Dialog, MainAreaWidget, showDialog } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';

import type { Host, ProfileSubject } from '../core/host';
import type { Store } from '../core/store';
import { renderProfileForm } from '../core/views/profile_form';
import { mlxIcon } from './icon';
import { ViewWidget } from './view_widget';

/** JupyterLab's own mark of a tab with something to save. */
const DIRTY = 'jp-mod-dirty';

let count = 0;

/** A main-area tab with a profile's form. It asks before what was typed is lost. */
export class ProfileTab extends MainAreaWidget<ViewWidget> {
  /** As it is saved; null while it is new. */
  profile: string | null;

  constructor(
    store: Store,
    private readonly host: Host,
    subject: ProfileSubject,
  ) {
    super({
      content: new ViewWidget((el, signal) => {
        renderProfileForm(
          el,
          store,
          signal,
          {
            subject,
            onLeave: () => {
              this.dirty = false;
              this.close();
            },
            onStatus: ({ name, dirty }) => {
              this.named(name, dirty);
            },
          },
          host,
        );
      }),
    });
    count += 1;
    this.id = `mlx-manager-jupyter-profile-${String(count)}`;
    this.profile = subject.name ?? null;
    this.toolbar.hide();
    this.content.addClass('mlxm-form-tab');
    this.title.icon = mlxIcon;
    this.title.closable = true;
    this.named(this.profile, false);
  }

  private get dirty(): boolean {
    return this.title.className.split(' ').includes(DIRTY);
  }

  private set dirty(dirty: boolean) {
    // JupyterLab keeps marks of its own there.
    const others = this.title.className.split(' ').filter((name) => name !== DIRTY);
    this.title.className = [...others, ...(dirty ? [DIRTY] : [])].join(' ').trim();
  }

  protected override onCloseRequest(message: Message): void {
    if (!this.dirty) {
      super.onCloseRequest(message);
      return;
    }
    const { t } = this.host;
    void showDialog({
      title: t('Close without saving?'),
      body: t('What was changed in the profile is lost.'),
      buttons: [
        Dialog.cancelButton({ label: t('Keep editing') }),
        Dialog.warnButton({ label: t('Discard') }),
      ],
    }).then(({ button }) => {
      if (button.accept) {
        this.dirty = false;
        this.close();
      }
    });
  }

  private named(name: string | null, dirty: boolean): void {
    const { t } = this.host;
    this.profile = name;
    this.title.label = name ?? t('New profile');
    this.title.caption = name === null ? t('New profile') : t('Profile %1', name);
    this.dirty = dirty;
  }
}

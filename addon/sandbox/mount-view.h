// Mounting a view without ending the job on failure, for run.cc, which reports failures with its operation's index.
#pragma once
#include "mount.h"
#include "view.h"

// As openView of view.h; the mount namespace must already be this process's own if the view has fewer than two lowers.
// Invalid on failure. With MOUNT_ATTR_IDMAP among the attributes the layers show their ids as those of `userNamespace`; an upper
// and its work directory are then in one directory.
Fd mountView(const ViewSpec& view, bool userxattr, uint64_t attributes, Failure& failure, int userNamespace = -1);

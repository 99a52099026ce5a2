// Operations that keep a step in its tree where it has no mount namespace of its own. Both run in the step's process.
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "landlock.h"
#include "operations.h"

// slot: no program gets more rights than the step has; the kernel lets it open nothing outside the tree and, where it can,
// send no signal and reach no abstract socket of others. Without CAP_SYS_ADMIN the filters need no_new_privs anyway.
void confineToRoot(StepContext& step) {
  Slot& root = step.slot(step.spec.string());
  step.requireSpec();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) step.failErrno("prctl", "no_new_privs");
  const int error = landlockConfine(root.fd.get());
  if (error != 0 && error != EOPNOTSUPP) step.failWith("landlock_restrict_self", error, "");
}

// slot: makes it this process's root. With CAP_SYS_CHROOT; that the step can leave neither by another chroot nor by a
// descriptor is the business of what follows.
void changeRoot(StepContext& step) {
  Slot& root = step.slot(step.spec.string());
  step.requireSpec();
  if (fchdir(root.fd.get()) != 0) step.failErrno("fchdir", "/");
  if (chroot(".") != 0) step.failErrno("chroot", "/");
  if (chdir("/") != 0) step.failErrno("chdir", "/");
  step.slots.clear();
}

// Landlock, only to close the host's abstract unix sockets off from a step that shares the host's network
// (CVE-2020-15257: a network namespace is what usually separates them). Says nothing about files: a step as root must
// be able to do whatever root in a container can.
#pragma once

// The kernel's Landlock version: 0 where there is none (not compiled in, or disabled at boot).
// Scopes need 6 (Linux 6.12).
int landlockAbi();

// Restricts this process and everything that it will start: no connect or send to abstract unix sockets that a process
// outside of this restriction bound. Those of the step itself, and sockets with a path, work as before.
// Call it in the step's process, single-threaded, while it still has CAP_SYS_ADMIN in its user namespace (then
// no_new_privs may stay off, so that sudo works); before or after the seccomp filter, which allows these calls.
// Returns 0; or an errno: EOPNOTSUPP where the kernel cannot (ABI < 6), EPERM without CAP_SYS_ADMIN and no_new_privs.
int landlockScopeAbstractSockets();

// Lets the calling process and its children open, make, move, remove and execute nothing but what is below the directory, and,
// from ABI 6 on, send signals to nobody outside and reach no abstract socket there; nor do they attach to processes outside.
// Changing owner, mode or times of what can be reached by another way is not covered. Needs no_new_privs or CAP_SYS_ADMIN.
// Returns 0, EOPNOTSUPP before ABI 2 (renaming between directories could not be allowed), or errno.
int landlockConfine(int rootFd);

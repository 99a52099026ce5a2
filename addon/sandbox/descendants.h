// The processes below this one, where no pid namespace holds them together: a step without one can leave processes behind
// in sessions of their own. Whoever calls this has made itself their reaper (PR_SET_CHILD_SUBREAPER), so that none gets away.
#pragma once
#include <sys/types.h>

#include <set>

// Makes this process the one that orphans below it become children of. 0 or errno.
int adoptOrphans();

// Kills every process below this one and reaps them, but for the children in `spared` and what is below those. All are
// stopped before the first is killed: a fork bomb that has used up its process ids then has none to go on with.
// Returns 0, or errno where /proc cannot be read.
int killDescendants(const std::set<pid_t>& spared = {});

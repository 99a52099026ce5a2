// Opening places in slots: sources and mount points, the latter made where an image has none.
#pragma once
#include <string>
#include <vector>

#include "operations.h"

// Opens what a place names, as O_PATH. Ends the job if it is missing.
Fd openSource(StepContext& step, const Place& place);

// Opens a mount point, as O_PATH, for a mount whose root is a directory or is none. In a hostile slot every link is
// followed inside the slot, and what is missing is made; what was made in the slot's own mount becomes a stub. `made`, if
// given, tells whether the mount point itself was missing.
Fd openTarget(StepContext& step, const Place& place, bool directory, bool* made = nullptr);

// Makes the directories of a path that are missing, mode 0755, and opens the last: as `mkdir -p` in a root. None of
// them is a stub.
Fd openOrMakeDirectory(StepContext& step, int rootFd, const std::string& path);

uint64_t mountIdOf(int fd);

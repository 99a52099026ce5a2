// Things put into a step's tree where nothing can be mounted: what stood there is moved aside, and when the step is over it is
// put back as it was. Runs in the step's supervisor: before the step, with the server's privileges, and after its last process.
#pragma once
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "fd.h"

class StepContext;

// One thing that stands in the tree for the time of a step.
struct Placement {
  Fd parent;           // the directory that it is in, wherever the step moves that
  std::string name;
  std::string aside;   // the name of what stood there, in the folder for that; empty: nothing has been moved
  struct timespec parentTimeBefore{};
  struct timespec parentTimeAfter{};
  Fd home;             // of a thing that is only lent to the step: the directory that it came from
  std::string homeName;
  mode_t homeType = 0;
};

class Placements {
 public:
  // Puts everything back, the last first. What the step made of the things is removed, but for those that were lent: they go
  // home. Ends the job on errors.
  void putBack(StepContext& step);

  Fd aside;  // the folder for what stood there
  std::vector<std::unique_ptr<Placement>> list;
};

// The operations of plan-chroot.ts.
void openAside(StepContext& step);
void placeDirectory(StepContext& step);
void placeFile(StepContext& step);
void placeCopy(StepContext& step);
void lendPath(StepContext& step);

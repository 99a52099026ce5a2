// The operations that make a process into a sandboxed RUN step. They come as a list from src/sandbox/plan.ts, which
// decides everything; one loop carries them out, in the step's own process, and the last of them becomes the command.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fd.h"
#include "job.h"
#include "mount.h"
#include "placement.h"

// A mounted tree that later operations refer to by name.
struct Slot {
  Fd fd;                 // of its root
  bool hostile = false;  // made by an image: its links are followed inside it, missing mount points are made
  uint64_t mountId = 0;
};

// A place in the tree of a slot. The slot `host` is this process's own root directory, for paths that Node chose.
struct Place {
  std::string slot;
  std::string path;
};

// A mount point that was not there, to be removed before the commit. The path is from the root, without a leading `/`.
struct Stub {
  bool directory = false;
  std::string path;
};

// What the operations of one step share. Lives in the step's process; ends the job on the first failure.
class StepContext {
 public:
  StepContext(Job& job, SpecReader& spec) : job(job), spec(spec) {}

  Place readPlace();
  // To be called after an operation has read its fields and before it acts.
  void requireSpec();
  Slot& slot(const std::string& name);
  [[noreturn]] void failErrno(std::string_view syscall, std::string_view path);
  [[noreturn]] void failWith(std::string_view syscall, int error, std::string_view path, std::string_view detail = {});
  [[noreturn]] void failWith(const Failure& failure);

  Job& job;
  SpecReader& spec;
  uint16_t index = 0;
  const char* operation = "";
  std::map<std::string, Slot> slots;
  std::vector<Stub> stubs;
  Fd userNamespace;  // the step's own, not yet entered; invalid where it has that of the server
  Placements placements;
};

// Carries out the operations in the specification and never returns: the last one executes the command.
// Runs in the step's process, cloned from the server: process 1 of the step's pid namespace and alone in it, in new
// namespaces of every kind that was asked for, with the server's privileges, which the operations give up.
[[noreturn]] void carryOut(StepContext& step);

// mount-operations.cc
void mountViewAside(StepContext& step);
void openTree(StepContext& step);
void mountFileSystem(StepContext& step);
void bindTree(StepContext& step);
void maskPaths(StepContext& step);
void protectPaths(StepContext& step);
void makeReadOnly(StepContext& step);
void pivotRoot(StepContext& step);
// file-operations.cc
void makeDirectory(StepContext& step);
void makeDevice(StepContext& step);
void makeLink(StepContext& step);
void makeFile(StepContext& step);
// placement.h: openAside, placeDirectory, placeFile, placeCopy, lendPath
// supervise.cc
void supervise(StepContext& step);
// confine.cc
void confineToRoot(StepContext& step);
void changeRoot(StepContext& step);
// process-operations.cc
void setHostName(StepContext& step);
void bringLoopbackUp(StepContext& step);
void connectOutput(StepContext& step);
void changeDirectory(StepContext& step);
void joinSessionKeyring(StepContext& step);
void limitResource(StepContext& step);
void setFileModeMask(StepContext& step);
// privileges.cc
void scopeAbstractSockets(StepContext& step);
void dropBoundingCapabilities(StepContext& step);
void installSeccomp(StepContext& step);
void becomeUser(StepContext& step);
void setCapabilities(StepContext& step);
// step-user-namespace.cc
void makeUserNamespace(StepContext& step);
void enterStepUserNamespace(StepContext& step);
void setKernelParameter(StepContext& step);
// execute.cc
void execute(StepContext& step);

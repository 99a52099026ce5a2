// Starts one user-mode network program in a process of its own. network.cc decides when, and when it has failed.
#pragma once
#include <sys/types.h>

#include <string>

#include "fd.h"
#include "network.h"

// A file for what a program prints, which never blocks the program and never grows. Invalid, with errno, on failure.
Fd makeOutputFile();
// The end of what was printed, as one printable line.
std::string readOutput(const Fd& output);

// Starts the program with only these descriptors: `ready` is the write end of the pipe that gets one byte when the
// network is usable, and that ends when the program ends. Returns the process to kill and to reap; -1 with errno.
// What goes wrong in the new process before the program runs is printed to `output`.
pid_t startNetworkProgram(const NetworkProgram& program, const Fd& netns, const Fd& ready, const Fd& output);

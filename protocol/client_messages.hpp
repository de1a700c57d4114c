// What clients and servers say to each other. The normative text is protocol/PROTOCOL.md.
#pragma once

#include "protocol/client_replies.hpp"
#include "protocol/client_requests.hpp"

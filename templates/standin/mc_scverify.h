// Catapult's SCVerify macros for plain C simulation: the design is called directly. Shipped by
// Bitkiln.
#ifndef BITKILN_MC_SCVERIFY_H
#define BITKILN_MC_SCVERIFY_H

#define CCS_MAIN(...) int main(__VA_ARGS__)
#define CCS_RETURN(status) return (status)
#define CCS_BLOCK(name) name
#define CCS_DESIGN(name) name

#endif

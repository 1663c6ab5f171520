//! Why a call ended: Q.850's causes and FreeSWITCH's own, under FreeSWITCH's names and numbers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

macro_rules! causes {
    ($($variant:ident = $number:literal $name:literal),* $(,)?) => {
        /// Why a call ended. Up to 127 the numbers are ITU-T Q.850's, above they are FreeSWITCH's.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u16)]
        pub enum Cause {
            $(#[doc = $name] $variant = $number),*
        }

        /// Every cause, in the order of their numbers.
        pub const CAUSES: &[Cause] = &[$(Cause::$variant),*];

        impl Cause {
            /// FreeSWITCH's name, for instance `NORMAL_CLEARING`.
            pub fn name(self) -> &'static str {
                match self { $(Cause::$variant => $name),* }
            }
        }
    };
}

causes! {
    None = 0 "NONE",
    UnallocatedNumber = 1 "UNALLOCATED_NUMBER",
    NoRouteTransitNet = 2 "NO_ROUTE_TRANSIT_NET",
    NoRouteDestination = 3 "NO_ROUTE_DESTINATION",
    ChannelUnacceptable = 6 "CHANNEL_UNACCEPTABLE",
    CallAwardedDelivered = 7 "CALL_AWARDED_DELIVERED",
    NormalClearing = 16 "NORMAL_CLEARING",
    UserBusy = 17 "USER_BUSY",
    NoUserResponse = 18 "NO_USER_RESPONSE",
    NoAnswer = 19 "NO_ANSWER",
    SubscriberAbsent = 20 "SUBSCRIBER_ABSENT",
    CallRejected = 21 "CALL_REJECTED",
    NumberChanged = 22 "NUMBER_CHANGED",
    RedirectionToNewDestination = 23 "REDIRECTION_TO_NEW_DESTINATION",
    ExchangeRoutingError = 25 "EXCHANGE_ROUTING_ERROR",
    DestinationOutOfOrder = 27 "DESTINATION_OUT_OF_ORDER",
    InvalidNumberFormat = 28 "INVALID_NUMBER_FORMAT",
    FacilityRejected = 29 "FACILITY_REJECTED",
    ResponseToStatusEnquiry = 30 "RESPONSE_TO_STATUS_ENQUIRY",
    NormalUnspecified = 31 "NORMAL_UNSPECIFIED",
    NormalCircuitCongestion = 34 "NORMAL_CIRCUIT_CONGESTION",
    NetworkOutOfOrder = 38 "NETWORK_OUT_OF_ORDER",
    NormalTemporaryFailure = 41 "NORMAL_TEMPORARY_FAILURE",
    SwitchCongestion = 42 "SWITCH_CONGESTION",
    AccessInfoDiscarded = 43 "ACCESS_INFO_DISCARDED",
    RequestedChanUnavail = 44 "REQUESTED_CHAN_UNAVAIL",
    PreEmpted = 45 "PRE_EMPTED",
    FacilityNotSubscribed = 50 "FACILITY_NOT_SUBSCRIBED",
    OutgoingCallBarred = 52 "OUTGOING_CALL_BARRED",
    IncomingCallBarred = 54 "INCOMING_CALL_BARRED",
    BearercapabilityNotauth = 57 "BEARERCAPABILITY_NOTAUTH",
    BearercapabilityNotavail = 58 "BEARERCAPABILITY_NOTAVAIL",
    ServiceUnavailable = 63 "SERVICE_UNAVAILABLE",
    BearercapabilityNotimpl = 65 "BEARERCAPABILITY_NOTIMPL",
    ChanNotImplemented = 66 "CHAN_NOT_IMPLEMENTED",
    FacilityNotImplemented = 69 "FACILITY_NOT_IMPLEMENTED",
    ServiceNotImplemented = 79 "SERVICE_NOT_IMPLEMENTED",
    InvalidCallReference = 81 "INVALID_CALL_REFERENCE",
    IncompatibleDestination = 88 "INCOMPATIBLE_DESTINATION",
    InvalidMsgUnspecified = 95 "INVALID_MSG_UNSPECIFIED",
    MandatoryIeMissing = 96 "MANDATORY_IE_MISSING",
    MessageTypeNonexist = 97 "MESSAGE_TYPE_NONEXIST",
    WrongMessage = 98 "WRONG_MESSAGE",
    IeNonexist = 99 "IE_NONEXIST",
    InvalidIeContents = 100 "INVALID_IE_CONTENTS",
    WrongCallState = 101 "WRONG_CALL_STATE",
    RecoveryOnTimerExpire = 102 "RECOVERY_ON_TIMER_EXPIRE",
    MandatoryIeLengthError = 103 "MANDATORY_IE_LENGTH_ERROR",
    ProtocolError = 111 "PROTOCOL_ERROR",
    Interworking = 127 "INTERWORKING",
    Success = 142 "SUCCESS",
    OriginatorCancel = 487 "ORIGINATOR_CANCEL",
    Crash = 700 "CRASH",
    SystemShutdown = 701 "SYSTEM_SHUTDOWN",
    LoseRace = 702 "LOSE_RACE",
    ManagerRequest = 703 "MANAGER_REQUEST",
    BlindTransfer = 800 "BLIND_TRANSFER",
    AttendedTransfer = 801 "ATTENDED_TRANSFER",
    AllottedTimeout = 802 "ALLOTTED_TIMEOUT",
    UserChallenge = 803 "USER_CHALLENGE",
    MediaTimeout = 804 "MEDIA_TIMEOUT",
    PickedOff = 805 "PICKED_OFF",
    UserNotRegistered = 806 "USER_NOT_REGISTERED",
    ProgressTimeout = 807 "PROGRESS_TIMEOUT",
    InvalidGateway = 808 "INVALID_GATEWAY",
    GatewayDown = 809 "GATEWAY_DOWN",
    InvalidUrl = 810 "INVALID_URL",
    InvalidProfile = 811 "INVALID_PROFILE",
    NoPickup = 812 "NO_PICKUP",
    SrtpReadError = 813 "SRTP_READ_ERROR",
    Bowout = 814 "BOWOUT",
    BusyEverywhere = 815 "BUSY_EVERYWHERE",
    Decline = 816 "DECLINE",
    DoesNotExistAnywhere = 817 "DOES_NOT_EXIST_ANYWHERE",
    NotAcceptable = 818 "NOT_ACCEPTABLE",
    Unwanted = 819 "UNWANTED",
    NoIdentity = 820 "NO_IDENTITY",
    BadIdentityInfo = 821 "BAD_IDENTITY_INFO",
    UnsupportedCertificate = 822 "UNSUPPORTED_CERTIFICATE",
    InvalidIdentity = 823 "INVALID_IDENTITY",
    StaleDate = 824 "STALE_DATE",
    RejectAll = 825 "REJECT_ALL",
}

impl Cause {
    /// The number by which records and the Reason header (RFC 3326) name it.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The cause with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        CAUSES.iter().copied().find(|cause| cause.number() == number)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no cause.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0:?} is neither the name nor the number of a hang-up cause")]
pub struct UnknownCause(pub String);

impl FromStr for Cause {
    type Err = UnknownCause;

    /// Takes FreeSWITCH's name in any case, or the number.
    fn from_str(text: &str) -> Result<Self, UnknownCause> {
        CAUSES
            .iter()
            .copied()
            .find(|cause| cause.name().eq_ignore_ascii_case(text))
            .or_else(|| Self::from_number(text.parse().ok()?))
            .ok_or_else(|| UnknownCause(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back_to_their_cause() {
        for &cause in CAUSES {
            assert_eq!(cause.name().parse(), Ok(cause));
            assert_eq!(cause.number().to_string().parse(), Ok(cause));
        }
        assert_eq!("user_busy".parse(), Ok(Cause::UserBusy));
        assert!("17x".parse::<Cause>().is_err());
    }
}

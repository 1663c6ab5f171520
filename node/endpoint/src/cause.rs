//! Between SIP's status codes and hang-up causes: FreeSWITCH's table (mod_sofia), which follows RFC 3398
//! §8.2 and Q.850 and departs from them where its users know it to.

use switch_core::Cause;

/// The cause a failed call ends with.
pub fn from_status(code: u16) -> Cause {
    match code {
        200..=299 => Cause::NormalClearing,
        401 | 402 | 403 | 407 | 603 | 608 => Cause::CallRejected,
        404 => Cause::UnallocatedNumber,
        485 | 604 => Cause::NoRouteDestination,
        408 | 504 => Cause::RecoveryOnTimerExpire,
        410 => Cause::NumberChanged,
        413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => Cause::Interworking,
        480 => Cause::NoUserResponse,
        400 | 481 | 500 | 503 => Cause::NormalTemporaryFailure,
        486 | 600 => Cause::UserBusy,
        484 => Cause::InvalidNumberFormat,
        488 | 606 => Cause::IncompatibleDestination,
        502 => Cause::NetworkOutOfOrder,
        405 => Cause::ServiceUnavailable,
        406 | 415 | 501 => Cause::ServiceNotImplemented,
        482 | 483 => Cause::ExchangeRoutingError,
        487 => Cause::OriginatorCancel,
        428 => Cause::NoIdentity,
        429 | 436 => Cause::BadIdentityInfo,
        437 => Cause::UnsupportedCertificate,
        438 => Cause::InvalidIdentity,
        607 => Cause::Unwanted,
        300..=399 => Cause::RedirectionToNewDestination,
        _ => Cause::NormalUnspecified,
    }
}

/// The status an unanswered call is refused with.
pub fn to_status(cause: Cause) -> u16 {
    match cause {
        Cause::UnallocatedNumber | Cause::NoRouteTransitNet | Cause::NoRouteDestination => 404,
        Cause::UserBusy => 486,
        Cause::NoUserResponse => 408,
        Cause::NoAnswer | Cause::SubscriberAbsent | Cause::NormalUnspecified => 480,
        Cause::CallRejected | Cause::Decline => 603,
        Cause::NumberChanged | Cause::RedirectionToNewDestination => 410,
        Cause::DestinationOutOfOrder | Cause::ProgressTimeout => 502,
        Cause::InvalidNumberFormat | Cause::InvalidUrl | Cause::InvalidGateway => 484,
        Cause::FacilityRejected
        | Cause::FacilityNotImplemented
        | Cause::ServiceNotImplemented
        | Cause::ChanNotImplemented => 501,
        Cause::RequestedChanUnavail
        | Cause::NormalCircuitCongestion
        | Cause::NetworkOutOfOrder
        | Cause::NormalTemporaryFailure
        | Cause::SwitchCongestion
        | Cause::GatewayDown
        | Cause::BearercapabilityNotavail
        | Cause::SystemShutdown => 503,
        Cause::Crash => 500,
        Cause::BearercapabilityNotauth | Cause::OutgoingCallBarred | Cause::IncomingCallBarred => 403,
        Cause::BearercapabilityNotimpl | Cause::IncompatibleDestination => 488,
        Cause::RecoveryOnTimerExpire => 504,
        Cause::OriginatorCancel => 487,
        Cause::ExchangeRoutingError => 483,
        Cause::BusyEverywhere => 600,
        Cause::DoesNotExistAnywhere => 604,
        Cause::NotAcceptable => 606,
        Cause::Unwanted => 607,
        Cause::RejectAll => 608,
        _ => 480,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_look_for_in_their_records() {
        for (code, cause) in [
            (404, Cause::UnallocatedNumber),
            (480, Cause::NoUserResponse),
            (486, Cause::UserBusy),
            (487, Cause::OriginatorCancel),
            (488, Cause::IncompatibleDestination),
            (503, Cause::NormalTemporaryFailure),
            (603, Cause::CallRejected),
        ] {
            assert_eq!(from_status(code), cause, "{code}");
        }
        assert_eq!(to_status(Cause::NoRouteDestination), 404);
        assert_eq!(to_status(Cause::IncompatibleDestination), 488);
        assert_eq!(to_status(Cause::NormalClearing), 480);
    }

    #[test]
    fn a_refusal_is_always_a_final_failure() {
        for &cause in switch_core::cause::CAUSES {
            assert!((400..700).contains(&to_status(cause)), "{cause}");
        }
    }
}
